-- What wrk asks. Its arguments: `list FILE`, the paths in a file, one after the other, with GET; `links CHATS LABELS`, the
-- labels one after the other on all chats, with PUT; behind it the milliseconds between two requests of a connection.

local requests, nth, pause = {}, 0, 0

local function header()
   return { ["token"] = os.getenv("TOKEN") }
end

function init(arguments)
   local kind = arguments[1]
   if kind == "list" then
      for path in io.lines(arguments[2]) do
         requests[#requests + 1] = wrk.format("GET", path, header())
      end
      pause = tonumber(arguments[3] or "0")
      request = function()
         nth = nth + 1
         return requests[(nth - 1) % #requests + 1]
      end
   else
      local chats, labels = tonumber(arguments[2]), tonumber(arguments[3])
      nth = tonumber(arguments[4] or "0")
      request = function()
         nth = nth + 1
         -- 48,271 has no divisor in common with the number of chats: every chat has its turn before any has a second one.
         local chat = nth * 48271 % chats
         local label = labels - math.floor(nth / chats) % labels
         local path = string.format("/v2/labels/%d/chats/55119%08d?instance_id=shop", label, chat)
         return wrk.format("PUT", path, header())
      end
   end
   if pause > 0 then
      -- Half as long to one and a half times as long.
      delay = function() return math.floor(pause * (0.5 + math.random())) end
   end
end
