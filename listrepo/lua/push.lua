-- Pushes items under a condition or a bound, marks the queue, and notes when it
-- was how long.
--
-- KEYS[1]  the queue
-- KEYS[2]  set of those who have items; may be missing, and the others with it
-- KEYS[3]  index of queues by when they were last noted
-- KEYS[4]  age: times by the number of items pushed until then, counted as those
--          taken and those that are there; and 'taken' itself
-- ARGV[5]  RPUSH or LPUSH
-- ARGV[6]  greatest length, '0' for none
-- ARGV[7]  the member of the set
-- ARGV[8]  the queue's member of the index
-- ARGV[9 ..]  the items
-- Result: the length; the status FULL, and nothing pushed, over the bound.
local most = tonumber(ARGV[6])
if most > 0 and redis.call('LLEN', KEYS[1]) + #ARGV - 8 > most then
  return redis.status_reply('FULL')
end
for i, kind in ipairs({'set', 'zset', 'zset'}) do
  local found = KEYS[i + 1] and redis.call('TYPE', KEYS[i + 1])['ok']
  if found and found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
  end
end
local length
for i = 9, #ARGV, 1000 do
  length = redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
renew()
if not KEYS[2] then return length end

-- noted ends a push: the times live as long as the queue.
local function noted()
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[4], left) else redis.call('PERSIST', KEYS[4]) end
  return length
end

redis.call('SADD', KEYS[2], ARGV[7])
redis.call('ZADD', KEYS[3], now, ARGV[8])

local taken = tonumber(redis.call('ZSCORE', KEYS[4], 'taken') or 0)
if ARGV[5] == 'LPUSH' then
  redis.call('ZADD', KEYS[4], taken - (#ARGV - 8), 'taken')
  return noted()
end
-- Items that others took are not counted as taken; it shows where there are
-- fewer than were seen.
local top = redis.call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES')
local before = length - (#ARGV - 8)
if top[2] and tonumber(top[2]) > taken + before then taken = tonumber(top[2]) - before end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', taken)
redis.call('ZADD', KEYS[4], taken, 'taken')
-- Where there are many times, one more must be a step worth telling.
local times = redis.call('ZCARD', KEYS[4])
if times > 256 then
  local first = tonumber(redis.call('ZRANGE', KEYS[4], 1, 1)[1])
  local last = tonumber(redis.call('ZREVRANGE', KEYS[4], 0, 0)[1])
  if now - last < (now - first) / 64 then return noted() end
end
redis.call('ZADD', KEYS[4], taken + length, now)
return noted()
