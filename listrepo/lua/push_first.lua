-- The second part of push_usual.lua, with the same KEYS, ARGV and result. It ends
-- the push to a queue whose list was empty: it schedules the queue, and records
-- for Backlog when the items were pushed.
local recorded, failure = pcall(function()
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1)
  redis.call('ZADD', KEYS[4], 0, 'taken', length, now)
  local tail = string.sub(KEYS[4], #'%age' + 1)
  scheduleAt(KEYS[3], ARGV[4], ARGV[3], redis.call('EXISTS', '%order' .. tail) == 0 and instant or nextLook(KEYS[1], tail))
end)
if recorded and skipped == '' then return length end
redis.call('UNLINK', KEYS[1])
if recorded then return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. skipped) end
return type(failure) == 'table' and failure or redis.error_reply(tostring(failure))
