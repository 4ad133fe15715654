-- Takes items off a queue into a claim: first those whose lease lapsed, in the
-- order in which they were first claimed, then those in front. Before that it may
-- end another claim, whose items are done.
--
-- This is the part for a queue whose items were all delivered never before. Its
-- second part, for all others, is reclaim.lua, which stands behind it and
-- claims.lua: what is not reached costs nothing. LLEN refuses a key of another
-- type.
--
-- KEYS[1]  the queue
-- KEYS[2]  the claim, a list that does not exist yet
-- KEYS[3]  index of queues; may be missing, and ARGV[10] and ARGV[11] with it
-- ARGV[5]  the claim's token
-- ARGV[6]  greatest number of items
-- ARGV[7]  lease in milliseconds
-- ARGV[8]  attempts that an item has, '0' for any number
-- ARGV[9]  the header of the claim to end, '' for none
-- ARGV[10] the queue's member of the index
-- ARGV[11] how long it stays there without items, in milliseconds
-- Result: {header, ended}: the claim's header, see claims.lua, '' where nothing was
-- taken; and 0 where the claim to end was lost. An item on its last attempt is taken
-- alone, and one that lapsed on it is parked.
local length = redis.call('LLEN', KEYS[1])
local tail = string.sub(KEYS[2], #'%claim-' + #ARGV[5] + 1)
local due, again, back, age = '%due' .. tail, '%again' .. tail, '%back' .. tail, '%age' .. tail
local header = clock[1] .. string.sub('00000' .. clock[2], -6) .. '-' .. ARGV[5]
local want, most = tonumber(ARGV[6]), tonumber(ARGV[8])

-- Redis refuses a script's first write where memory is full and the write may
-- grow, but no write after the first. This one never grows.
redis.call('ZREM', due, ARGV[9])
local ended = 0
if ARGV[9] ~= '' then
  local token = string.match(ARGV[9], '^%d+%-(%w+)')
  ended = redis.call('UNLINK', '%claim-' .. token .. tail, '%done-' .. token .. tail)
end

-- claimed writes down a claim with so many items off the list.
local function claimed(fresh)
  redis.call('ZADD', due, now + ARGV[7], header)
  if ARGV[2] == '0' then
    redis.call('PERSIST', due)
  else
    for _, key in ipairs({KEYS[2], due}) do
      redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), ARGV[2], ARGV[7]))
    end
  end
  if KEYS[3] then
    redis.call('ZADD', KEYS[3], 'NX', now, ARGV[10])
    redis.call('ZINCRBY', age, fresh, 'taken')
  end
  if fresh == length then
    if KEYS[3] then redis.call('PEXPIRE', age, ARGV[7] + 3600000) end
  elseif fresh > 0 then
    renew()
  end
  return {header, ended}
end

local lapsed = redis.call('ZRANGEBYSCORE', due, '-inf', now)
if #lapsed == 0 and redis.call('EXISTS', again, back) == 0 then
  local n = most == 1 and 1 or want
  if length > n then
    -- SORT copies a part of a list at once. Where it is not to be had, and where
    -- the part is small, the items go one by one.
    local copied = n > 8 and redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', 0, n, 'STORE', KEYS[2])
    if type(copied) == 'number' then
      redis.call('LTRIM', KEYS[1], n, -1)
    else
      for _ = 1, n do redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') end
    end
    return claimed(n)
  elseif length > 0 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    if ARGV[2] == '0' then redis.call('PERSIST', KEYS[2]) end
    return claimed(length)
  end
  local noted = KEYS[3] and redis.call('ZSCORE', KEYS[3], ARGV[10])
  if noted and noted + ARGV[11] <= now and redis.call('EXISTS', due) == 0 then
    redis.call('ZREM', KEYS[3], ARGV[10])
    redis.call('DEL', age)
  end
  return {'', ended}
end
