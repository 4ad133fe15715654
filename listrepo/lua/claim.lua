-- Claim and Next: moves items of a queue into a claim. Items whose lease
-- expired come first, in the order in which they were first claimed, then those
-- at the front of the queue. Next also ends another claim, whose items are
-- done.
--
-- claim_usual.lua, the first part of the script, handles the usual claim. This
-- file handles the others of a queue whose items were never delivered before,
-- and that has no order. claim_redelivered.lua handles every other queue. Each
-- part stands behind the one before, and behind the functions that it needs,
-- since code that is not reached costs nothing. LLEN refuses a queue of another
-- type. The functions of the schedule are those of schedule.lua.
--
-- KEYS[1]  the queue
-- KEYS[2]  the new claim, a list that does not exist yet
-- KEYS[3]  %tenants of the schedule; may be missing, and ARGV[11], ARGV[12] with
--          it
-- ARGV[5]  the token of the new claim
-- ARGV[6]  the most items to claim
-- ARGV[7]  the lease in milliseconds
-- ARGV[8]  MaxAttempts, '0' for no limit
-- ARGV[9]  the header of the claim to end, '' for none
-- ARGV[10] '1' if the claim makes the queue serial, else ''
-- ARGV[11] the queue's member of the schedule
-- ARGV[12] its tenant
-- Result: {header, ended, warnings, item ...}:
--   header   of the new claim, see shared.lua; '' if nothing was claimed; 'busy'
--            if the queue is serial and another claim is in flight
--   ended    0 if the claim to end was lost
--   warnings nil, or {more, foreign, skipped, from, ordered, died}
--   item     the items, if ARGV[6] is at most 8; a caller that claims more reads
--            them with LRANGE, since Lua would convert each of them twice
-- The warnings are
--   more     1 if nothing was claimed although the next call may claim items
--   foreign  the number of entries that became dead letters because the library
--            did not write them
--   skipped  a key that was not used because it holds another type, or ''
--   from     the claim from which renew_beside.lua continues, 0 if nothing is
--            left to renew
--   ordered  1 if the queue has an order, so that Ack has to remove it
--   died     the number of dead letters that were made
-- They are nil if they are 0, 0, '', 0, 0 and 0. An item on its last attempt is
-- claimed alone. An item whose lease expired on its last attempt becomes a dead
-- letter.
local tail = string.sub(KEYS[2], #'%claim-' + #ARGV[5] + 1)
local due, again, back, age = '%due' .. tail, '%again' .. tail, '%back' .. tail, '%age' .. tail
local order, delayed = '%order' .. tail, '%delayed' .. tail
local header = clock[1] .. string.sub('00000' .. clock[2], -6) .. '-' .. ARGV[5]
local want, maxAttempts = tonumber(ARGV[6]), tonumber(ARGV[8])
local more, foreign, from, ordered, died = 0, 0, 0, 0, 0
if claimed then
  tryCall('ZINCRBY', age, 0, 'taken')
  reschedule(KEYS[3], ARGV[12], ARGV[11], KEYS[1], tail)
  claimed[3] = {0, 0, skipped, claimed[3] and -1 or 0, 0, 0}
  return claimed
end

local expired = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 25)
-- No lease ends as late as this, so the library did not write such an entry.
if length == 0 and #expired == 0 then expired = redis.call('ZRANGEBYSCORE', due, '9007199254740992', '+inf', 'LIMIT', 0, 25) end
local others = redis.call('EXISTS', again, back, order, delayed)
local allNew = #expired == 0 and others == 0 and ARGV[10] == ''
local exists = {}
if others > 0 then
  local kinds = {[again] = 'zset', [back] = 'hash', [order] = 'hash', [delayed] = 'zset'}
  for _, key in ipairs({again, back, order, delayed}) do
    local held = redis.call('TYPE', key)['ok']
    if held ~= kinds[key] and held ~= 'none' then
      return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. key)
    end
    exists[key] = held ~= 'none'
    others = others - (exists[key] and 1 or 0)
    if others == 0 then break end
  end
end

-- lifetime is the lifetime of the queue in milliseconds, below 0 for none.
local lifetime = ARGV[2] == '0' and -1 or tonumber(ARGV[2])
if ARGV[3] == '1' and existed then lifetime = redis.call('PTTL', KEYS[1]) end

-- The first write cannot grow; see claim_usual.lua.
redis.call('ZREM', due, ARGV[9])
local ended = 0
if ARGV[9] ~= '' then
  local token = string.match(ARGV[9], '^%d+%-(%w+)')
  ended = redis.call('UNLINK', '%claim-' .. token .. tail, '%done-' .. token .. tail)
end

-- result brings the schedule in line with the queue, and returns the script's
-- result.
local function result(first)
  if KEYS[3] then reschedule(KEYS[3], ARGV[12], ARGV[11], KEYS[1], tail) end
  local reply = {first, ended, (more ~= 0 or foreign ~= 0 or skipped ~= '' or from ~= 0 or ordered ~= 0 or died ~= 0) and {more, foreign, skipped, from, ordered, died}}
  if first == header and want <= 8 then
    for i, item in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do reply[3 + i] = item end
  end
  return reply
end

-- finish enters the claim in due and returns the script's result. fromList is
-- the number of items that came off the list.
--
-- The claim's lifetime ends no earlier than the queue's would after the lease.
-- If a service with a shorter lifetime may have made other claims, all claims
-- are renewed. If other claims have no lifetime, this one has none either, so
-- that due outlives every claim.
local function finish(fromList)
  local dueLeft = lifetime >= 0 and redis.call('PTTL', due)
  redis.call('ZADD', due, now + ARGV[7], header)
  if not dueLeft then
    if redis.call('PERSIST', due) == 1 then from = -1 end
  else
    local queueLeft = redis.call('PTTL', KEYS[1])
    if dueLeft >= 0 and fromList > 0 and queueLeft >= 0 and queueLeft < lifetime / 2 then from = -1 end
    local claimLifetime = math.min(lifetime + ARGV[7], 9223372036854)
    if dueLeft == -1 then
      redis.call('PERSIST', KEYS[2])
    else
      redis.call('PEXPIRE', KEYS[2], claimLifetime)
      if dueLeft < claimLifetime then redis.call('PEXPIRE', due, claimLifetime) end
    end
  end
  if KEYS[3] then tryCall('ZINCRBY', age, fromList, 'taken') end
  if fromList == length then
    if KEYS[3] then redis.call('PEXPIRE', age, math.min(ARGV[7] + 3600000, 9223372036854)) end
  elseif fromList > 0 then
    renew()
  end
  return result(header)
end

if allNew then
  local n = maxAttempts == 1 and 1 or want
  if length > n then
    -- SORT copies a part of a list with one command. For a small part, or if
    -- the server refuses SORT, LMOVE moves the items one by one.
    local copied = n > 8 and redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', 0, n, 'STORE', KEYS[2])
    if type(copied) == 'number' then
      redis.call('LTRIM', KEYS[1], n, -1)
    else
      for _ = 1, n do redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') end
    end
    return finish(n)
  elseif length > 0 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    if lifetime < 0 then redis.call('PERSIST', KEYS[2]) end
    return finish(length)
  end
  return result('')
end
