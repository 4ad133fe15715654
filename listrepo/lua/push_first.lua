-- The second part of push.lua, with the same KEYS, ARGV and result. It ends the
-- usual push to a queue whose list was empty: it schedules the queue, and
-- records for Backlog when the items were pushed.
if length then
  local recorded, failure = pcall(function()
    redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1)
    redis.call('ZADD', KEYS[5], 0, 'taken', length, now)
    local tail = string.sub(KEYS[2], #'%due' + 1)
    scheduleAt(KEYS[4], ARGV[9], ARGV[8], redis.call('EXISTS', '%order' .. tail) == 0 and instant or nextLook(KEYS[1], tail))
  end)
  if recorded and skipped == '' then return length end
  redis.call('UNLINK', KEYS[1])
  if recorded then return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. skipped) end
  return type(failure) == 'table' and failure or redis.error_reply(tostring(failure))
end
