-- What stands beside the triggers may have been changed by anybody. These tell
-- what no script of the library writes.

-- The error that names a key which holds another type than `command` reads, or
-- nil. The command tells a size.
local function wrong(key, command)
  local size = redis.pcall(command, key)
  if type(size) == 'table' and string.find(size.err, 'WRONGTYPE', 1, true) then
    return redis.error_reply('WRONGTYPE the key ' .. key .. ' of the schedule holds another type')
  end
end

-- The last moment that is one, in milliseconds: numbers are exact up to here.
local latest = 9007199254740992 - 2 * 3600000

local function usable(n)
  return n and n >= -latest and n <= latest and n == math.floor(n)
end
