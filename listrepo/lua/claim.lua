-- Takes items off a queue into a claim: first those whose lease lapsed, in the
-- order in which they were first claimed, then those in front.
--
-- This is the part for a queue whose items were all delivered never before. Its
-- second part, for all others, is reclaim.lua, which stands behind it and
-- claims.lua: what is not reached costs nothing.
--
-- KEYS[1]  the queue
-- KEYS[2]  the claim, a list that does not exist yet
-- KEYS[3]  due: tokens of claims by the end of their lease
-- KEYS[4]  again: items of lapsed leases by birth
-- KEYS[5]  back: numbers of the items that were put back, by value
-- KEYS[6]  dead: parked items by id
-- KEYS[7]  age: when the queue was how long; used with KEYS[8]
-- KEYS[8]  index of queues; may be missing
-- ARGV[5]  the claim's token
-- ARGV[6]  what follows the token in the claim's key
-- ARGV[7]  greatest number of items
-- ARGV[8]  lease in milliseconds
-- ARGV[9]  attempts that an item has, '0' for any number
-- ARGV[10] the queue's member of the index
-- Result: how many items were taken. An item on its last attempt is taken alone,
-- and one that lapsed on it is parked.
local want, most = tonumber(ARGV[7]), tonumber(ARGV[9])
local taken, header = 0, birth

-- claimed writes the claim down and gives the number of its items.
local function claimed(fresh)
  redis.call('LPUSH', KEYS[2], header)
  redis.call('ZADD', KEYS[3], now + ARGV[8], ARGV[5])
  if ARGV[2] == '0' then
    redis.call('PERSIST', KEYS[3])
  else
    for i = 2, 3 do
      redis.call('PEXPIRE', KEYS[i], math.max(redis.call('PTTL', KEYS[i]), ARGV[2], ARGV[8]))
    end
  end
  if KEYS[8] then
    redis.call('ZADD', KEYS[8], 'NX', now, ARGV[10])
    redis.call('ZINCRBY', KEYS[7], fresh, 'taken')
  end
  if fresh > 0 then renew() end
  return taken
end

local lapsed = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)
if #lapsed == 0 and redis.call('EXISTS', KEYS[4], KEYS[5]) == 0 then
  if not existed then return 0 end
  local n = most == 1 and 1 or want
  local length = redis.call('LLEN', KEYS[1])
  if length <= n then
    redis.call('RENAME', KEYS[1], KEYS[2])
    if ARGV[2] == '0' then redis.call('PERSIST', KEYS[2]) end
    taken = length
    return claimed(taken)
  end
  -- SORT copies a part of a list at once. Where it is not to be had, and where
  -- the part is small, the items go one by one.
  local copied = n > 8 and redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', 0, n, 'STORE', KEYS[2])
  if type(copied) == 'number' then
    redis.call('LTRIM', KEYS[1], copied, -1)
    taken = copied
  else
    while taken < n and redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') do taken = taken + 1 end
  end
  return claimed(taken)
end
