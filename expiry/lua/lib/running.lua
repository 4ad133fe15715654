-- Keeps running of a tenant until its last lease ends. It needs number.lua.
local function keepRunning(key, now)
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  if last[2] then redis.call('PEXPIRE', key, int(math.max(tonumber(last[2]) - now, 1))) end
end
