-- Puts dead items back in front of the queue, in the order in which they are
-- named, with the numbers that they had.
--
-- KEYS[1]  the queue
-- KEYS[2]  dead
-- KEYS[3]  back
-- KEYS[4]  age
-- KEYS[5]  index; may be missing, and KEYS[6] with it
-- KEYS[6]  set of those who have items
-- ARGV[5]  the queue's member of the index
-- ARGV[6]  the member of the set
-- ARGV[7 ..]  ids
-- Result: how many were dead and are not any more.
local revived = 0
for i = #ARGV, 7, -1 do
  local text = redis.call('HGET', KEYS[2], ARGV[i])
  if text then
    local _, last, count, length = string.find(text, '^%d+ ([%d~]+) (%d+) ')
    front(KEYS[1], KEYS[3], ARGV[i], count, string.sub(text, last + 1 + length))
    redis.call('HDEL', KEYS[2], ARGV[i])
    revived = revived + 1
  end
end
if revived > 0 then
  renew()
  forget(KEYS[1], KEYS[3])
  keep(KEYS[3])
  if KEYS[5] then
    redis.call('ZINCRBY', KEYS[4], -revived, 'taken')
    keep(KEYS[4])
    redis.call('ZADD', KEYS[5], 'NX', now, ARGV[5])
    redis.call('SADD', KEYS[6], ARGV[6])
  end
end
return revived
