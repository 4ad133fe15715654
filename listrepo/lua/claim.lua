-- Takes items off a queue into a claim: first those whose lease expired, in the
-- order in which they were first claimed, then those in front. Before that it may
-- end another claim, whose items are done.
--
-- This is the part for a queue whose items were all delivered never before. Its
-- second part, for all others, is claim_redelivered.lua, which stands behind it and
-- shared.lua: what is not reached costs nothing. LLEN refuses a key of another
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
-- Result: {header, ended, more, strange, key, rest}. The claim's header, see shared.lua,
-- '' if nothing was taken; 0 if the claim to end was lost; 1 if there are items
-- that the next call can have, although nothing was taken; how many entries were
-- set aside because nothing of ours wrote them; a key that holds another type and
-- was passed over; the number with which renew_beside.lua must go on, 0 for nowhere. The
-- last four may be missing: 0, 0, '' and 0. An item on its last
-- attempt is taken alone, and one whose lease expired on it becomes a dead letter.
local length = redis.call('LLEN', KEYS[1])
local tail = string.sub(KEYS[2], #'%claim-' + #ARGV[5] + 1)
local due, again, back, age = '%due' .. tail, '%again' .. tail, '%back' .. tail, '%age' .. tail
local header = clock[1] .. string.sub('00000' .. clock[2], -6) .. '-' .. ARGV[5]
local want, most = tonumber(ARGV[6]), tonumber(ARGV[8])
local more, strange, passed, rest = 0, 0, '', 0

local expired = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 25)
-- No lease ends so late: somebody wrote that.
if length == 0 and #expired == 0 then expired = redis.call('ZRANGEBYSCORE', due, '9007199254740992', '+inf', 'LIMIT', 0, 25) end
local fast = #expired == 0 and redis.call('EXISTS', again, back) == 0
if not fast then
  for key, kind in pairs({[again] = 'zset', [back] = 'hash'}) do
    local held = redis.call('TYPE', key)['ok']
    if held ~= kind and held ~= 'none' then
      return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. key)
    end
  end
end

-- lifetime is that of the queue, in milliseconds, below 0 for none.
local lifetime = ARGV[2] == '0' and -1 or tonumber(ARGV[2])
if ARGV[3] == '1' and existed then lifetime = redis.call('PTTL', KEYS[1]) end

-- Redis refuses a script's first write where memory is full and the write may
-- grow, but no write after the first. This one never grows.
redis.call('ZREM', due, ARGV[9])
local ended = 0
if ARGV[9] ~= '' then
  local token = string.match(ARGV[9], '^%d+%-(%w+)')
  ended = redis.call('UNLINK', '%claim-' .. token .. tail, '%done-' .. token .. tail)
end

-- noted runs a command on a key that only tells others of the queue. If the key
-- holds another type the claim goes on without it.
local function noted(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply['err'] then return end
  if not string.find(reply['err'], 'WRONGTYPE', 1, true) then redis.call(command, key, ...) end -- which fails as it did
  passed = key
end

local function result(first)
  if more == 0 and strange == 0 and passed == '' and rest == 0 then return {first, ended} end
  return {first, ended, more, strange, passed, rest}
end

-- claimed writes down a claim with so many items off the list. Its lifetime ends
-- no earlier than the queue's would after the lease. Where a service with a shorter
-- lifetime may have made other claims, all of them are renewed; beside claims without a
-- lifetime it has none either, so that due tells of all.
local function claimed(fresh)
  local left = lifetime >= 0 and redis.call('PTTL', due)
  redis.call('ZADD', due, now + ARGV[7], header)
  if not left then
    if redis.call('PERSIST', due) == 1 then rest = -1 end
  else
    local queue = redis.call('PTTL', KEYS[1])
    if left >= 0 and fresh > 0 and queue >= 0 and queue < lifetime / 2 then rest = -1 end
    local lives = math.min(lifetime + ARGV[7], 9223372036854)
    if left == -1 then
      redis.call('PERSIST', KEYS[2])
    else
      redis.call('PEXPIRE', KEYS[2], lives)
      if left < lives then redis.call('PEXPIRE', due, lives) end
    end
  end
  if KEYS[3] then
    noted('ZADD', KEYS[3], 'NX', now, ARGV[10])
    noted('ZINCRBY', age, fresh, 'taken')
  end
  if fresh == length then
    if KEYS[3] then redis.call('PEXPIRE', age, math.min(ARGV[7] + 3600000, 9223372036854)) end
  elseif fresh > 0 then
    renew()
  end
  return result(header)
end

if fast then
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
    if lifetime < 0 then redis.call('PERSIST', KEYS[2]) end
    return claimed(length)
  end
  local since = KEYS[3] and redis.pcall('ZSCORE', KEYS[3], ARGV[10])
  if type(since) == 'string' and since + ARGV[11] <= now and redis.call('EXISTS', due) == 0 then
    redis.call('ZREM', KEYS[3], ARGV[10])
    redis.call('UNLINK', age)
  end
  return result('')
end
