-- Retry: puts dead letters back at the front of the queue, in the order in
-- which they are named, with their ids and counts.
--
-- KEYS[1]  the queue
-- KEYS[2]  dead
-- KEYS[3]  back
-- KEYS[4]  due
-- KEYS[5]  age
-- KEYS[6]  index of queues; may be missing, and KEYS[7] with it
-- KEYS[7]  set of those who have items
-- ARGV[5]  the queue's member of the index
-- ARGV[6]  the member of the set
-- ARGV[7 ..]  ids
-- Result: {n, from}: the number of dead letters put back, and the claim from
-- which renew_beside.lua continues, 0 if nothing is left to renew. An entry
-- that does not have the form of a dead letter stays.
for i, kind in pairs({[2] = 'hash', [3] = 'hash', [5] = 'zset', [6] = 'zset', [7] = 'set'}) do
  if KEYS[i] and not isType(KEYS[i], kind) then return wrongType(KEYS[i]) end
end
local add, flush = pushFront(KEYS[1], KEYS[3])
local n = 0
for i = #ARGV, 7, -1 do
  local text = redis.call('HGET', KEYS[2], ARGV[i])
  local _, last, count, length = string.find(text or '', '^%d+ (%d+~?%d*) (%d+) ')
  if last and parseCount(count) and not string.find(ARGV[i], '[%s=]') then
    redis.call('HDEL', KEYS[2], ARGV[i])
    add(ARGV[i], count, string.sub(text, last + 1 + length))
    n = n + 1
  end
end
if n == 0 then return {0, 0} end
flush()
local from = renewQueue(KEYS[1])
forgetTaken(KEYS[1], KEYS[3])
ensureLifetime(KEYS[3], redis.call('PTTL', KEYS[1]))
if KEYS[6] then
  redis.call('ZINCRBY', KEYS[5], -n, 'taken')
  ensureLifetime(KEYS[5], redis.call('PTTL', KEYS[1]))
  redis.call('ZADD', KEYS[6], 'NX', now, ARGV[5])
  redis.call('SADD', KEYS[7], ARGV[6])
end
return {n, renewBeside(KEYS[1], string.sub(KEYS[4], #'%due' + 1), from)}
