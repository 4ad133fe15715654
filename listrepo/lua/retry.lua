-- Puts dead letters back in front of the queue, in the order in which they are
-- named, with the numbers that they had.
--
-- KEYS[1]  the queue
-- KEYS[2]  dead
-- KEYS[3]  back
-- KEYS[4]  due
-- KEYS[5]  age
-- KEYS[6]  index; may be missing, and KEYS[7] with it
-- KEYS[7]  set of those who have items
-- ARGV[5]  the queue's member of the index
-- ARGV[6]  the member of the set
-- ARGV[7 ..]  ids
-- Result: {revived, more}: how many were dead letters and are not any more, and
-- the number with which renew_beside.lua must go on, 0 for nowhere. What has not the form
-- of a dead letter stays.
for i, kind in pairs({[2] = 'hash', [3] = 'hash', [5] = 'zset', [6] = 'zset', [7] = 'set'}) do
  if KEYS[i] and not isA(KEYS[i], kind) then return mistyped(KEYS[i]) end
end
local add, done = fronts(KEYS[1], KEYS[3])
local revived = 0
for i = #ARGV, 7, -1 do
  local text = redis.call('HGET', KEYS[2], ARGV[i])
  local _, last, count, length = string.find(text or '', '^%d+ (%d+~?%d*) (%d+) ')
  if last and split(count) and not string.find(ARGV[i], '[%s=]') then
    redis.call('HDEL', KEYS[2], ARGV[i])
    add(ARGV[i], count, string.sub(text, last + 1 + length))
    revived = revived + 1
  end
end
if revived == 0 then return {0, 0} end
done()
local from = renewed(KEYS[1])
forget(KEYS[1], KEYS[3])
live(KEYS[3], redis.call('PTTL', KEYS[1]))
if KEYS[6] then
  redis.call('ZINCRBY', KEYS[5], -revived, 'taken')
  live(KEYS[5], redis.call('PTTL', KEYS[1]))
  redis.call('ZADD', KEYS[6], 'NX', now, ARGV[5])
  redis.call('SADD', KEYS[7], ARGV[6])
end
return {revived, outlive(KEYS[1], string.sub(KEYS[4], #'%due' + 1), from)}
