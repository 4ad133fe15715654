-- The second part of push.lua, with the same KEYS, ARGV and result. It ends the
-- usual push to a queue whose list was empty: it schedules the queue, and
-- records for Backlog when the items were pushed. If a key holds another type,
-- it undoes the push.
if length then
  tryCall('ZREMRANGEBYRANK', KEYS[5], 0, -1)
  tryCall('ZADD', KEYS[5], 0, 'taken', length, now)
  if skipped == '' then scheduleAt(KEYS[4], ARGV[9], ARGV[8], nextLook(KEYS[1], string.sub(KEYS[2], 5))) end
  if skipped ~= '' then
    redis.call('UNLINK', KEYS[1])
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. skipped)
  end
  return length
end
