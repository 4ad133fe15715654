-- Pushes items under a condition or a bound, or on a queue with a lifetime, marks
-- the queue, and notes when it was how long.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  set of those who have items; may be missing, and the others with it
-- KEYS[4]  index of queues by when they were last noted
-- KEYS[5]  age: times by the number of items pushed until then, counted as those
--          taken and those that are there; and 'taken' itself
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  greatest length, '0' for none
-- ARGV[7]  the member of the set
-- ARGV[8]  the queue's member of the index
-- ARGV[9 ..]  the items
-- Result: {length, more}, the number with which renew_beside.lua must go on; the length
-- alone if that is nowhere; the status FULL, and nothing pushed, over the bound.
local most = tonumber(ARGV[6])
if most > 0 and redis.call('LLEN', KEYS[1]) + #ARGV - 8 > most then
  return redis.status_reply('FULL')
end
for i, kind in ipairs({'set', 'zset', 'zset'}) do
  if KEYS[i + 2] and not isA(KEYS[i + 2], kind) then return mistyped(KEYS[i + 2]) end
end
local length
for i = 9, #ARGV, page do
  length = redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + page - 1, #ARGV)))
end
local from = renewed(KEYS[1])
local more = outlive(KEYS[1], string.sub(KEYS[2], #'%due' + 1), from)
local result = more == 0 and length or {length, more}
if not KEYS[3] then return result end

-- noted ends a push: the times live as long as the queue.
local function noted()
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[5], left) else redis.call('PERSIST', KEYS[5]) end
  return result
end

redis.call('SADD', KEYS[3], ARGV[7])
redis.call('ZADD', KEYS[4], now, ARGV[8])

local taken = score(redis.call('ZSCORE', KEYS[5], 'taken'))
if ARGV[5] == 'LPUSH' then
  redis.call('ZADD', KEYS[5], taken - (#ARGV - 8), 'taken')
  return noted()
end
-- Items that others took are not counted as taken; it shows where there are
-- fewer than were seen.
local top = redis.call('ZREVRANGE', KEYS[5], 0, 0, 'WITHSCORES')
local before = length - (#ARGV - 8)
if score(top[2]) > taken + before then taken = score(top[2]) - before end
local over = math.min(redis.call('ZCOUNT', KEYS[5], '-inf', taken), page)
if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[5], 0, over - 1) end
redis.call('ZADD', KEYS[5], taken, 'taken')
-- Where there are many times, one more must be a step worth telling.
local times = redis.call('ZCARD', KEYS[5])
if times > 256 then
  local first = tonumber(redis.call('ZRANGE', KEYS[5], 1, 1)[1]) or now
  local last = tonumber(redis.call('ZREVRANGE', KEYS[5], 0, 0)[1]) or now
  if now - last < (now - first) / 64 then return noted() end
end
redis.call('ZADD', KEYS[5], taken + length, now)
return noted()
