//! The cost of totals against the number of chats, drawn as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Circle, Color, EmptyElement, IntoDrawingArea, IntoLogRange, LineSeries, Palette, Palette99,
    PathElement, SVGBackend, SeriesLabelPosition, WHITE,
};

use super::table::lines;
use crate::record::Record;

/// The workloads by size.
const SIZES: [(&str, f64); 4] = [("crm-10k", 1e4), ("crm-100k", 1e5), ("crm-1m", 1e6), ("crm-10m", 1e7)];

/// Draws totals of three labels.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn totals(file: &Path, records: &[Record]) -> Result<(), Box<dyn Error>> {
    let shown = |record: &&Record| {
        (record.measure, record.k, record.labels) == ("totals", Some(3), Some("mixed"))
            && SIZES.iter().any(|(name, _)| *name == record.workload)
    };
    let points: Vec<Record> = records.iter().filter(shown).cloned().collect();
    let Some(most) = points.iter().map(Record::value).max_by(f64::total_cmp) else {
        return Err("no totals of three labels on a crm workload to draw".into());
    };
    let area = SVGBackend::new(file, (900, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Chats with any of three labels: total_chats, total_rows, matched_rows", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d((8e3..2e7).log_scale(), (0.1..most * 3.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("chats")
        .y_desc("microseconds")
        .x_label_formatter(&|chats| power(*chats))
        .y_label_formatter(&|time| power(*time))
        .light_line_style(WHITE)
        .draw()?;
    for (nth, engine) in lines(&points).0.into_iter().enumerate() {
        let color = Palette99::pick(nth).mix(1.0);
        let size = |record: &Record| SIZES.iter().find(|(name, _)| *name == record.workload).map(|(_, chats)| *chats);
        let of_engine = points.iter().filter(|record| record.engine == engine);
        let line: Vec<(f64, f64)> = of_engine.filter_map(|record| Some((size(record)?, record.value()))).collect();
        chart
            .draw_series(LineSeries::new(line.iter().copied(), color.stroke_width(2)))?
            .label(engine)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
        chart.draw_series(
            line.into_iter().map(|point| EmptyElement::at(point) + Circle::new((0, 0), 3, color.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(plotters::style::BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}

/// A power of ten as people write it.
fn power(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e3 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}
