-- claim: claims firings, first those whose lease expired and those whose next
-- attempt is due, then triggers that are due. It follows lib/claim_fast.lua.
--
-- KEYS[1]  due: keys of triggers, by due time
-- KEYS[2]  active: firings, by the end of the lease or by the next attempt
-- KEYS[3]  status: of each firing in active or dead
-- KEYS[4]  payloads
-- KEYS[5]  dead: dead letters, by the time they died
-- KEYS[6]  fired: triggers that fired, or began to wait, after their keys
--          expired
-- ARGV[1]  maximum number of firings
-- ARGV[2]  lease in milliseconds
-- ARGV[3]  number of expired leases that makes a dead letter
-- ARGV[4]  maximum bytes of payloads, which the last firing may exceed
-- ARGV[5]  '1' if the caller wants the numbers of pending triggers and dead
--          letters
-- ARGV     from 6: the literals of a trigger's key
--
-- Result: the server's clock in microseconds; the time of the next entry in
-- milliseconds, -1 if there is none, or if ARGV[1] firings are claimed; the
-- numbers of pending triggers and dead letters, or -1 if they were not counted;
-- the numbers of cancelled triggers, moved triggers, expired leases, and invalid
-- entries; the member and status of each firing that became a dead letter
-- because of its leases; the keys that hold another type; examples of invalid
-- entries; then for each claimed firing its member `<due>|<key>`, its status,
-- and its payload or nil.
local died, wrongTypes, examples = {}, {}, {}
local out = {int(microseconds), '-1', 0, 0, 0, 0, 0, 0, died, wrongTypes, examples}
local cancelled, moved, expired, invalid, waiting, taken, bytes = 0, 0, 0, 0, 0, 0, 0
local leaseEnd = int(now + lease)
local mostLooks = 250
local newStatuses, newLeases, firedKeys = {}, {}, {}

-- Returns the size of a key, or false if the key holds another type.
local function size(key, command)
  if wrongType(key, command) then
    wrongTypes[#wrongTypes + 1] = key
    return false
  end
  return redis.call(command, key)
end
local dueSize, activeSize, statusSize = size(due, 'ZCARD'), size(active, 'ZCARD'), size(status, 'HLEN')
local payloadsSize, deadSize, firedSize = size(payloads, 'HLEN'), size(dead, 'ZCARD'), size(fired, 'ZCARD')
local usable = activeSize and statusSize and payloadsSize
local hasPayloads = payloadsSize and payloadsSize > 0

local function hasRoom() return taken < limit and bytes <= maxBytes end

local function countInvalid(entry)
  invalid = invalid + 1
  if #examples < 3 then examples[#examples + 1] = string.sub(entry, 1, 200) end
end

local function deliver(member, firingStatus)
  out[#out + 1] = member
  out[#out + 1] = firingStatus
  local payload = hasPayloads and redis.call('HGET', payloads, member)
  out[#out + 1] = payload
  if payload then bytes = bytes + #payload end
  taken = taken + 1
end

local function die(member, attempts, failures, expirations, awaited)
  local newStatus = formatStatus(attempts, failures, expirations, '2', 'its lease expired ' .. int(expirations) .. ' times')
  setFiringAside(due, active, status, dead, member, newStatus, awaited, now)
  died[#died + 1] = member
  died[#died + 1] = newStatus
end

-- Reports whether a firing is of a recurring trigger. If too many of its leases
-- expired, it is delivered nevertheless: the listener makes it a dead letter,
-- since it computes when the trigger is due next.
local function isRecurring(member)
  return hasPayloads and string.sub(redis.call('HGET', payloads, member) or '', 1, 1) == '@'
end

-- Returns when to look again at something that waits for a firing to end: when
-- that firing is redelivered at the latest.
local function nextLook(holder)
  local at = tonumber(redis.call('ZSCORE', active, holder))
  return isTime(at) and math.max(at, now + 1) or now + lease
end

-- Claims a firing whose lease expired, or whose next attempt is due.
local function redeliver(member)
  local at, key = splitName(member)
  local text, turn = unpack(redis.call('HMGET', status, member, turnField(key)))
  local attempts, failures, expirations, state, lastError, awaited = parseStatus(text)
  if deadSize and not at then
    countInvalid('active ' .. member)
    return setFiringAside(due, active, status, dead, member, formatStatus(attempts, failures, expirations, '2', 'this is not the name of a firing'), awaited, now)
  end
  if state == '2' then
    countInvalid('active ' .. member)
    if not deadSize then return redis.call('ZADD', active, leaseEnd, member) end
    redis.call('ZADD', dead, 'NX', int(now), member)
    redis.call('ZREM', active, member)
    return endTurn(due, active, status, dead, member, '+', now)
  end
  if at and turn and turn ~= at then -- this firing lost its turn because another client removed it
    local holder, holderStatus = holderOf(active, status, key, turn)
    if holder then
      redis.call('HSET', status, member, formatStatus(attempts, failures, expirations, '1', lastError))
      redis.call('ZADD', active, int(nextLook(holder)), member)
      addWaiter(status, key, at)
      noteWaiter(status, holder, holderStatus)
      waiting = waiting + 1
      return
    end
  end
  if state == '0' then
    expired = expired + 1
    expirations = expirations + 1
    if expirations >= maxExpired and deadSize and not isRecurring(member) then return die(member, attempts, failures, expirations, awaited) end
  end
  local newStatus = formatStatus(toCount(attempts + 1), failures, expirations, '0' .. awaited, lastError)
  writeActive(status, member, newStatus)
  redis.call('ZADD', active, leaseEnd, member)
  deliver(member, newStatus)
end

-- Lets a trigger that is due wait until the firing that has the turn ends. The
-- value of its key keeps the due time.
local function wait(key, at, value, holder, holderStatus)
  local head = value and parse(value).head or 'trigger:'
  local look = nextLook(holder)
  local exp = int(look + grace)
  redis.call('SET', key, head .. ';due=' .. at .. ';exp=' .. exp, 'PXAT', exp)
  redis.call('ZADD', due, int(look), key)
  noteWaiter(status, holder, holderStatus)
  waiting = waiting + 1
end

-- Makes a firing of a trigger and claims it, or lets the trigger wait for its
-- turn. `at` holds the digits of its due time, `turn` is the turn of the
-- trigger, and `isFree` says that no firing has this key and due time.
local function fire(key, at, value, turn, isFree)
  if turn then
    local holder, holderStatus = holderOf(active, status, key, turn)
    if holder then
      return wait(key, at, value, holder, holderStatus)
    end
  end
  local member = at .. '|' .. key
  if not isFree then
    member = nameFiring(status, key, tonumber(at), '1 0 0 0 ')
    if not member then
      countInvalid('due ' .. key)
      return setTriggerAside(due, status, payloads, dead, key, now, '100 firings of this trigger have the same due time')
    end
    at = splitName(member)
  end
  local n = #newStatuses
  newStatuses[n + 1], newStatuses[n + 2], newStatuses[n + 3], newStatuses[n + 4] = member, '1 0 0 0 ', turnField(key), at
  if hasPayloads then
    local payload = redis.call('HGET', payloads, pendingField(key))
    if payload then
      redis.call('HSET', payloads, member, payload)
      redis.call('HDEL', payloads, pendingField(key))
    end
  end
  newLeases[#newLeases + 1] = leaseEnd
  newLeases[#newLeases + 1] = member
  firedKeys[#firedKeys + 1] = key
  deliver(member, '1 0 0 0 ')
end

local function written() return taken + cancelled + moved + invalid + waiting > 0 end

-- Fires a due trigger, or lets it wait, or moves or cancels it if another
-- client changed its key. `turn` is the turn of the trigger, and `namesake` the
-- status of a firing with its key and score. It returns false if the key is
-- unreadable now.
local function processDue(key, score, turn, namesake)
  local value, otherType, unreadable = readKey(key, written())
  if unreadable then return false end
  local expires = value and redis.call('PEXPIRETIME', key) or 0
  local at = value and unchangedDue(value, score, expires)
  if at then
    fire(key, at, value, turn, not namesake and at == score)
  elseif value and expires > 0 then
    repairDue(due, status, payloads, dead, key, score, now)
    moved = moved + 1
  elseif value or otherType or now < tonumber(score) + grace then
    dropTrigger(due, payloads, key)
    cancelled = cancelled + 1
  else
    if firedSize then markFired(fired, key, now) end
    fire(key, int(tonumber(score)), nil, turn, not namesake)
  end
  return true
end

-- Handles an entry of due that is not valid. If dead holds another type, the
-- entry is moved behind all others.
local function processInvalid(key, score)
  if not deadSize then
    redis.call('ZADD', due, '+inf', key)
  elseif not isTriggerKey(key, 6) then
    setTriggerAside(due, status, payloads, dead, key, now, 'this is not the key of a trigger of this schedule')
  elseif not repairDue(due, status, payloads, dead, key, score, now, written()) then
    return false
  end
  countInvalid('due ' .. key)
  return true
end

if usable and hasRoom() then
  local late = redis.call('ZRANGEBYSCORE', active, '-inf', int(now), 'LIMIT', 0, limit)
  for i = 1, #late do
    if hasRoom() then redeliver(late[i]) end
  end
end
if usable and dueSize and hasRoom() then
  local looks = 0
  repeat -- the next entries take the places of those that wait
    local waitingBefore, unreadable = waiting, false
    local ready = redis.call('ZRANGEBYSCORE', due, '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, limit - taken)
    local fields = {}
    for i = 1, #ready, 2 do
      fields[i], fields[i + 1] = turnField(ready[i]), ready[i + 1] .. '|' .. ready[i]
    end
    local found = #fields > 0 and redis.call('HMGET', status, unpack(fields)) or {}
    for i = 1, #ready, 2 do
      local key, score = ready[i], ready[i + 1]
      if not hasRoom() then break end
      looks = looks + 1
      local valid = isTriggerKey(key, 6) and isTime(tonumber(score))
      local process = valid and processDue or processInvalid
      unreadable = not process(key, score, found[i], found[i + 1])
      if unreadable then break end
    end
    if #firedKeys > 0 then
      redis.call('HSET', status, unpack(newStatuses))
      redis.call('ZADD', active, unpack(newLeases))
      redis.call('ZREM', due, unpack(firedKeys))
      redis.call('DEL', unpack(firedKeys))
      newStatuses, newLeases, firedKeys = {}, {}, {}
    end
  until unreadable or waiting == waitingBefore or looks >= mostLooks or not hasRoom()
end

local nextTime = -1
for _, set in ipairs({dueSize and due or '', activeSize and active or ''}) do
  local head = set ~= '' and redis.call('ZRANGE', set, 0, 0, 'WITHSCORES') or {}
  local at = tonumber(head[2])
  if at and at <= latest and (nextTime < 0 or at < nextTime) then nextTime = math.max(at, 0) end
end
out[2] = int(usable and nextTime or -1)
out[3] = dueSize and redis.call('ZCARD', due) or 0
out[4] = deadSize and redis.call('ZCARD', dead) or 0
out[5] = cancelled
out[6] = moved
out[7] = expired
out[8] = invalid
return out
