-- Returns the server's clock in microseconds. All times are taken from it.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
