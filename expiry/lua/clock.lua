-- The server's clock in microseconds: the only clock that decides anything.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
