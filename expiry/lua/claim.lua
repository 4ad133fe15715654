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
-- ARGV[4]  how many bytes of payloads at most, beyond those of one firing
-- ARGV     from 5: the pieces of a trigger's key
--
-- Result: the clock in microseconds; when to look again in milliseconds, -1 for
-- nothing; how many are pending; dead; cancelled; moved; lapsed; strange, which
-- could not be processed as they were; member and record of each that is a dead
-- letter now; the keys that hold another type; some of the strange; and for each
-- claimed: the member `<due>|<trigger>`, its record, its payload or nil.
local due, run, att, pay, dead, seen = unpack(KEYS)
local us = clock()
local now = math.floor(us / 1000)
local limit, lease, most, heaviest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local buried, other, examples = {}, {}, {}
local out = {int(us), '-1', 0, 0, 0, 0, 0, 0, buried, other, examples}
local cancelled, moved, lapsed, strange, taken, weight = 0, 0, 0, 0, 0, 0
local until_ = int(now + lease)
local leased, gone = {}, {}

-- The size of a key, or false where it holds another type.
local function size(key, command)
  if wrong(key, command) then
    other[#other + 1] = key
    return false
  end
  return redis.call(command, key)
end
local schedule, running, records = size(due, 'ZCARD'), size(run, 'ZCARD'), size(att, 'HLEN')
local payloads, letters, memories = size(pay, 'HLEN'), size(dead, 'ZCARD'), size(seen, 'ZCARD')
local able = running and records and payloads
payloads = payloads and payloads > 0

local function room() return taken < limit and weight <= heaviest end

local function odd(what)
  strange = strange + 1
  if #examples < 3 then examples[#examples + 1] = string.sub(what, 1, 200) end
end

local function give(member, rec)
  out[#out + 1] = member
  out[#out + 1] = rec
  local p = payloads and redis.call('HGET', pay, member)
  out[#out + 1] = p
  if p then weight = weight + #p end
  taken = taken + 1
end

local function bury(member, a, f, l)
  local rec = record(a, f, l, '2', 'the worker was lost ' .. int(l) .. ' times')
  asideFiring(run, att, dead, member, rec, now)
  buried[#buried + 1] = member
  buried[#buried + 1] = rec
end

local function again(member)
  local a, f, l, state, why = attempts(redis.call('HGET', att, member))
  if letters and not named(member) then
    odd('run ' .. member)
    return asideFiring(run, att, dead, member, record(a, f, l, '2', 'it is no firing of a trigger'), now)
  end
  if state == '2' then
    odd('run ' .. member)
    if not letters then return redis.call('ZADD', run, until_, member) end
    redis.call('ZADD', dead, 'NX', int(now), member)
    return redis.call('ZREM', run, member)
  end
  if state == '0' then
    l = l + 1
    lapsed = lapsed + 1
    if l >= most and letters then return bury(member, a, f, l) end
  end
  local rec = record(count(a + 1), f, l, '0', why)
  redis.call('HSET', att, member, rec)
  redis.call('ZADD', run, until_, member)
  give(member, rec)
end

local function fire(key, score)
  local member = name(att, key, tonumber(score), '1 0 0 0 ')
  if not member then
    odd('due ' .. key)
    return asidePending(due, att, pay, dead, key, now, 'too many firings of it have one due time')
  end
  if payloads then
    local p = redis.call('HGET', pay, pending(key))
    if p then
      redis.call('HSET', pay, member, p)
      redis.call('HDEL', pay, pending(key))
    end
  end
  leased[#leased + 1] = until_
  leased[#leased + 1] = member
  gone[#gone + 1] = key
  give(member, '1 0 0 0 ')
end

local function begun() return taken + cancelled + moved + strange > 0 end

-- Does with a due entry what its key says. Gives false where that cannot be read
-- now.
local function look(key, score)
  local v, foreign, unread = held(key, begun())
  if unread then return false end
  local ends = v and redis.call('PEXPIRETIME', key) or 0
  if v and unchanged(v, score, ends) then
    fire(key, score)
  elseif v and ends > 0 then
    straighten(due, att, pay, dead, key, score, now)
    moved = moved + 1
  elseif v or foreign or now < tonumber(score) + grace then
    drop(due, pay, key)
    cancelled = cancelled + 1
  else
    if memories then remember(seen, key, now) end
    fire(key, score)
  end
  return true
end

-- A due entry that is none. While dead cannot hold it, it waits behind all others.
local function odder(key, score)
  if not letters then
    redis.call('ZADD', due, '+inf', key)
  elseif not ours(key, 5) then
    asidePending(due, att, pay, dead, key, now, 'it is no trigger of this schedule')
  elseif not straighten(due, att, pay, dead, key, score, now, begun()) then
    return false
  end
  odd('due ' .. key)
  return true
end

if able and room() then
  local late = redis.call('ZRANGEBYSCORE', run, '-inf', int(now), 'LIMIT', 0, limit)
  for i = 1, #late do
    if room() then again(late[i]) end
  end
end
if able and schedule and room() then
  local ready = redis.call('ZRANGEBYSCORE', due, '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, limit - taken)
  for i = 1, #ready, 2 do
    local key, score = ready[i], ready[i + 1]
    if not room() then break end
    local sound = ours(key, 5) and usable(tonumber(score))
    if not (sound and look or odder)(key, score) then break end
  end
  if #gone > 0 then
    redis.call('ZADD', run, unpack(leased))
    redis.call('ZREM', due, unpack(gone))
    redis.call('DEL', unpack(gone))
  end
end

local next_ = -1
for _, set in ipairs({schedule and due or '', running and run or ''}) do
  local head = set ~= '' and redis.call('ZRANGE', set, 0, 0, 'WITHSCORES') or {}
  local at = tonumber(head[2])
  if at and at <= latest and (next_ < 0 or at < next_) then next_ = math.max(at, 0) end
end
out[2] = int(able and next_ or -1)
out[3] = schedule and redis.call('ZCARD', due) or 0
out[4] = letters and redis.call('ZCARD', dead) or 0
out[5] = cancelled
out[6] = moved
out[7] = lapsed
out[8] = strange
return out
