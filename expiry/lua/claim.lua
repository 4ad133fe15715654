-- claim: claims firings. If more is due than it takes, tenants take turns
-- (lib/backlog.lua). Of one tenant, firings whose lease expired and those whose
-- next attempt is due come first, then triggers that are due, each by time. It
-- follows lib/claim_fast.lua.
--
-- KEYS[1]  due: keys of triggers, by due time
-- KEYS[2]  active: firings, by the end of the lease or by the next attempt
-- KEYS[3]  status: of each firing in active or dead
-- KEYS[4]  payloads
-- KEYS[5]  dead: dead letters, by the time they died
-- KEYS[6]  fired: triggers that fired, or began to wait, after their keys
--          expired
-- KEYS[7]  backlog: up to where due and active were read
-- KEYS[8]  tenants: those that have a backlog, by turn
-- KEYS[9]  earlier: what became due before the time up to which was read
-- ARGV[1]  maximum number of firings
-- ARGV[2]  lease in milliseconds
-- ARGV[3]  number of expired leases that makes a dead letter
-- ARGV[4]  maximum bytes of payloads, which the last firing may exceed
-- ARGV[5]  '1' if the caller wants the numbers of pending triggers and dead
--          letters
-- ARGV[6]  maximum number of firings of a tenant that are claimed at once by
--          callers with such a number, '0' if there is none
-- ARGV     from 7: the literals of a trigger's key
--
-- Result: the server's clock in microseconds; the time of the next entry in
-- milliseconds, -1 if there is none, or if ARGV[1] firings are claimed, or -2 if
-- the caller has to claim again at once, because there was too much to read; the
-- numbers of pending triggers and dead letters, or -1 if they were not counted;
-- the numbers of cancelled triggers, moved triggers, expired leases, and invalid
-- entries; the member and status of each firing that became a dead letter
-- because of its leases; the keys that hold another type; examples of invalid
-- entries; then for each claimed firing its member `<due>|<key>`, its status,
-- and its payload or nil.
local died, examples = {}, {}
local out = {int(microseconds), '-1', 0, 0, 0, 0, 0, 0, died, wrongTypes, examples}
local cancelled, moved, expired, invalid, waiting, taken, bytes = 0, 0, 0, 0, 0, 0, 0
local leaseEnd = int(now + lease)
local mostLooks = 250
local newStatuses, newLeases, firedKeys, delivered = {}, {}, {}, {}

-- Returns the size of a key, or false if the key holds another type.
local function size(key, command)
  local n = redis.pcall(command, key)
  if type(n) ~= 'table' then return n end
  if not wrongType(key, command) then return redis.call(command, key) end
  wrongTypes[#wrongTypes + 1] = key
  return false
end
local dueSize, activeSize, statusSize = size(due, 'ZCARD'), size(active, 'ZCARD'), size(status, 'HLEN')
local payloadsSize, deadSize, firedSize = size(payloads, 'HLEN'), size(dead, 'ZCARD'), size(fired, 'ZCARD')
local backlogSize, tenantsSize, earlierSize = size(backlog, 'HLEN'), size(tenants, 'ZCARD'), size(earlier, 'ZCARD')
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
  delivered[taken] = string.match(firingStatus, '^%d+') .. '|' .. member
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
  elseif not isTriggerKey(key, 7) then
    setTriggerAside(due, status, payloads, dead, key, now, 'this is not the key of a trigger of this schedule')
  elseif not repairDue(due, status, payloads, dead, key, score, now, written()) then
    return false
  end
  countInvalid('due ' .. key)
  return true
end

-- Writes the firings that fire has made.
local function writeFirings()
  if #firedKeys == 0 then return end
  redis.call('HSET', status, unpack(newStatuses))
  redis.call('ZADD', active, unpack(newLeases))
  redis.call('ZREM', due, unpack(firedKeys))
  redis.call('DEL', unpack(firedKeys))
  newStatuses, newLeases, firedKeys = {}, {}, {}
end

local looks = 0

-- Handles triggers that are due, given by pairs of key and score, while there
-- is room. It returns how many it handled, and whether a key is unreadable now.
local function handleDue(ready)
  local fields = {}
  for i = 1, #ready, 2 do
    fields[i], fields[i + 1] = turnField(ready[i]), ready[i + 1] .. '|' .. ready[i]
  end
  local found = #fields > 0 and redis.call('HMGET', status, unpack(fields)) or {}
  for i = 1, #ready, 2 do
    if not hasRoom() then return (i - 1) / 2, false end
    local key, score = ready[i], ready[i + 1]
    looks = looks + 1
    local valid = isTriggerKey(key, 7) and isTime(tonumber(score))
    local process = valid and processDue or processInvalid
    if not process(key, score, found[i], found[i + 1]) then return (i - 1) / 2, true end
  end
  return #ready / 2, false
end

-- Claims in the order of time. This is fair if everything that is due can be
-- claimed.
local function claimInOrder(late)
  for i = 1, #late do
    if hasRoom() then redeliver(late[i]) end
  end
  if not dueSize then return end
  local handled, unreadable = 0, false
  repeat -- the next entries take the places of those that are not delivered
    handled = 0
    if hasRoom() then
      handled, unreadable = handleDue(redis.call('ZRANGEBYSCORE', due, '-inf', int(now), 'WITHSCORES', 'LIMIT', 0, limit - taken))
    end
    writeFirings()
  until handled == 0 or unreadable or looks >= mostLooks or not hasRoom()
end

-- Handles up to n firings among the first members of a tenant's backlog. It
-- returns the members that are done, and how many it handled. Members that are
-- not due any more are done.
local function handleFirings(members, n)
  local done, handled = {}, 0
  for _, member in ipairs(members) do
    if string.sub(member, 1, 1) == 't' or handled == n or not hasRoom() then break end
    local name = string.sub(member, 2)
    local at = tonumber(redis.call('ZSCORE', active, name))
    if at and at <= now then
      handled = handled + 1
      redeliver(name)
    end
    done[#done + 1] = member
  end
  looks = looks + handled
  return done, handled
end

-- Does the same for triggers. It also returns whether a key is unreadable now.
local function handleTriggers(members, n)
  local done, ready, keys = {}, {}, {}
  for i, member in ipairs(members) do keys[i] = string.sub(member, 2) end
  local scores = dueSize and redis.call('ZMSCORE', due, unpack(keys)) or {}
  for i, member in ipairs(members) do
    if not scores[i] or tonumber(scores[i]) > now then
      done[#done + 1] = member
    elseif #ready < 2 * n then
      ready[#ready + 1], ready[#ready + 2] = keys[i], scores[i]
    end
  end
  local handled, unreadable = handleDue(ready)
  for i = 1, 2 * handled, 2 do done[#done + 1] = 't' .. ready[i] end
  return done, handled, unreadable
end

-- Claims up to n firings of a tenant. It returns false if a key is unreadable
-- now.
local function takeOf(tenant, n)
  local key, size, before = readyKey(due, tenant), n + 1, taken
  local isEmpty, unreadable, goesOn
  repeat
    local members, deaths = redis.pcall('ZRANGE', key, 0, size - 1), #died
    if members.err then
      isEmpty = wrongType(key, 'ZCARD')
      unreadable = not isEmpty
      if isEmpty then wrongTypes[#wrongTypes + 1] = key end
      break
    end
    local done, handled = handleFirings(members, n)
    goesOn = #done > 0
    if not goesOn and #members > 0 and hasRoom() then
      done, handled, unreadable = handleTriggers(members, n)
      goesOn = #done > handled
    end
    if #done > 0 then redis.call('ZREM', key, unpack(done)) end
    if #died > deaths then readEarlier() end
    isEmpty = #done == #members and #members < size and #died == deaths
    n, looks = n - handled, looks + (#done - handled) / 10
    size = handled == 0 and 200 or n + 1
  until isEmpty or unreadable or not goesOn or n < 1 or looks >= mostLooks or not hasRoom()
  if isBounded and taken > before then takePlaces(tenant, delivered, before + 1, taken, leaseEnd) end
  if isEmpty then
    redis.call('ZREM', tenants, tenant)
  else
    redis.call('ZADD', tenants, nextTurn(), tenant)
  end
  return not unreadable
end

-- Claims in the order of tenants. It returns how many tenants have as many
-- firings as they may have, and whether the backlog is empty.
local function claimInTurns()
  local full = 0 -- these keep their turns, before all others
  while hasRoom() and looks < mostLooks do
    local names = redis.call('ZRANGE', tenants, full, full + limit - taken - 1)
    if #names == 0 then return full, full == 0 end
    local share = math.max(math.floor((limit - taken) / #names), 1)
    for _, tenant in ipairs(names) do
      if not hasRoom() or looks >= mostLooks then break end
      local n = math.min(share, limit - taken)
      if isBounded then n = math.min(n, placesOf(tenant)) end
      if n < 1 then
        full = full + 1
      elseif not takeOf(tenant, n) then
        return full, false
      end
    end
  end
  return full, false
end

local isComplete, full, isEmpty = true, 0, false
if usable and hasRoom() then
  local late = redis.call('ZRANGEBYSCORE', active, '-inf', int(now), 'LIMIT', 0, limit + 1)
  local more = dueSize and #late <= limit and redis.call('ZCOUNT', due, '-inf', int(now)) or 0
  local canTurn = backlogSize and tenantsSize and earlierSize
  if canTurn and (backlogSize > 0 or #late + more > limit or isBounded and #late + more > 0) then
    isComplete = readBacklog(dueSize, false)
    if isComplete then
      full, isEmpty = claimInTurns()
      writeFirings()
      if isEmpty and not isBounded then claimInOrder({}) end -- what became due because of this claim
      if isEmpty then
        redis.call('DEL', backlog)
      else
        redis.call('HSET', backlog, 'turn', int(turn))
      end
    end
  else
    claimInOrder(late)
  end
end

local nextTime, from = -1, full > 0 and '(' .. int(now) or '-inf' -- of a full tenant, nothing is due
for _, set in ipairs({dueSize and due or '', activeSize and active or ''}) do
  local head = set ~= '' and redis.call('ZRANGEBYSCORE', set, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1) or {}
  local at = tonumber(head[2])
  if at and at <= latest and (nextTime < 0 or at < nextTime) then nextTime = math.max(at, 0) end
end
if not isComplete or looks >= mostLooks then nextTime = -2 end
out[2] = int(usable and nextTime or -1)
out[3] = dueSize and redis.call('ZCARD', due) or 0
out[4] = deadSize and redis.call('ZCARD', dead) or 0
out[5] = cancelled
out[6] = moved
out[7] = expired
out[8] = invalid
return out
