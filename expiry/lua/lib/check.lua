-- Checks for data that no script of this library writes. Any client may have
-- changed the keys of a schedule.

-- Returns an error that names the key if it holds another type than `command`
-- reads, else nil. The command is one that returns a size.
local function wrongType(key, command)
  local size = redis.pcall(command, key)
  if type(size) == 'table' and string.find(size.err, 'WRONGTYPE', 1, true) then
    return redis.error_reply('WRONGTYPE the key ' .. key .. ' of the schedule holds another type')
  end
end

-- The latest time in milliseconds that Lua and Redis represent exactly, even
-- after a grace was added to it.
local latest = 9007199254740992 - 2 * 3600000

-- Reports whether n is a whole number that can be a time in milliseconds.
local function isTime(n)
  return n and n >= -latest and n <= latest and n == math.floor(n)
end
