-- Claims work: what waits or lapsed first, then what is due.
--
-- KEYS[1]  due: triggers by due time
-- KEYS[2]  run: claimed work by the end of its lease, or by its next attempt
-- KEYS[3]  att: a record for each member of run and dead
-- KEYS[4]  pay
-- KEYS[5]  dead
-- KEYS[6]  seen: triggers that ended with their grace and fired since
-- ARGV[1]  how many at most
-- ARGV[2]  lease in milliseconds
-- ARGV[3]  how many lapsed leases make a dead letter
--
-- Result: the clock in microseconds; when to look again in milliseconds, -1 for
-- nothing; how many are pending; dead; cancelled; moved; lapsed; member and record
-- of each that is a dead letter now; and for each claimed: the member
-- `<due>|<trigger>`, its record, its payload or nil.
local us = clock()
local now = math.floor(us / 1000)
local limit, lease, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local buried = {}
local out = {int(us), '-1', 0, 0, 0, 0, 0, buried}
local cancelled, moved, lapsed, taken = 0, 0, 0, 0
local until_ = int(now + lease)
local leased, gone = {}, {}
local payloads = redis.call('EXISTS', KEYS[4]) == 1

local function give(member, rec)
  out[#out + 1] = member
  out[#out + 1] = rec
  out[#out + 1] = payloads and redis.call('HGET', KEYS[4], member)
  taken = taken + 1
end

local function bury(member, a, f, l)
  local rec = record(a, f, l, '2', 'the worker was lost ' .. int(l) .. ' times')
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZADD', KEYS[5], int(now), member)
  redis.call('HSET', KEYS[3], member, rec)
  buried[#buried + 1] = member
  buried[#buried + 1] = rec
end

local function again(member)
  local a, f, l, state, why = attempts(redis.call('HGET', KEYS[3], member))
  if state == '0' then
    l = l + 1
    lapsed = lapsed + 1
    if l >= most then return bury(member, a, f, l) end
  end
  local rec = record(a + 1, f, l, '0', why)
  redis.call('HSET', KEYS[3], member, rec)
  redis.call('ZADD', KEYS[2], until_, member)
  give(member, rec)
end

-- Two firings of a trigger that fell due in one millisecond have two names.
local function fire(key, due)
  local member = due .. '|' .. key
  while redis.call('HSETNX', KEYS[3], member, '1 0 0 0 ') == 0 do
    due = int(tonumber(due) - 1)
    member = due .. '|' .. key
  end
  if payloads then
    local p = redis.call('HGET', KEYS[4], pending(key))
    if p then
      redis.call('HSET', KEYS[4], member, p)
      redis.call('HDEL', KEYS[4], pending(key))
    end
  end
  leased[#leased + 1] = until_
  leased[#leased + 1] = member
  gone[#gone + 1] = key
  give(member, '1 0 0 0 ')
end

if limit > 0 then
  local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', int(now), 'LIMIT', 0, limit)
  for i = 1, #late do again(late[i]) end
end
if taken < limit then
  local ready = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, limit - taken)
  for i = 1, #ready, 2 do
    local key, due = ready[i], ready[i + 1]
    local v, other, unread = held(key, taken + cancelled + moved > 0)
    if unread then break end
    if v then
      local ends = redis.call('PEXPIRETIME', key)
      if unchanged(v, due, ends) then
        fire(key, due)
      elseif ends > 0 then
        adopt(KEYS[1], KEYS[4], key, v, ends, now)
        moved = moved + 1
      else
        drop(KEYS[1], KEYS[4], key)
        cancelled = cancelled + 1
      end
    elseif other or now < tonumber(due) + grace then
      drop(KEYS[1], KEYS[4], key)
      cancelled = cancelled + 1
    else
      remember(KEYS[6], key, now)
      fire(key, due)
    end
  end
  if #gone > 0 then
    redis.call('ZADD', KEYS[2], unpack(leased))
    redis.call('ZREM', KEYS[1], unpack(gone))
    redis.call('DEL', unpack(gone))
  end
end

local look = -1
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #head > 0 then look = tonumber(head[2]) end
head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #head > 0 and (look < 0 or tonumber(head[2]) < look) then look = tonumber(head[2]) end
out[2] = int(look)
out[3] = redis.call('ZCARD', KEYS[1])
out[4] = redis.call('ZCARD', KEYS[5])
out[5] = cancelled
out[6] = moved
out[7] = lapsed
return out
