-- repair: compares one page of a key of the schedule with the other keys, and
-- repairs what does not agree. A sweep calls it for every page of every key.
--
-- KEYS[1]  due
-- KEYS[2]  active
-- KEYS[3]  status
-- KEYS[4]  payloads
-- KEYS[5]  dead
-- ARGV[1]  what to go through: due, active, status, turns (in the key status),
--          payloads or dead
-- ARGV[2]  cursor of SCAN, 0 for the first page
-- ARGV[3]  entries of a page
-- ARGV[4]  lease in milliseconds
-- ARGV[5]  by how many milliseconds the clock was set back, 0 if it was not
-- ARGV[6]  entries of active that are further ahead than this many milliseconds
--          were written before the clock was set back
-- ARGV     from 7: the literals of a trigger's key
--
-- Result: the next cursor, 0 after the last page; the numbers of cancelled
-- triggers, repaired entries and invalid entries; examples of invalid entries.
local due, active, status, payloads, dead = unpack(KEYS)
local err = wrongType(due, 'ZCARD') or wrongType(active, 'ZCARD') or wrongType(status, 'HLEN') or wrongType(payloads, 'HLEN') or wrongType(dead, 'ZCARD')
if err then return err end
local now = math.floor(clock() / 1000)
local lease, setBackBy, ahead = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local cancelled, repaired, invalid, examples = 0, 0, 0, {}

local function countInvalid(entry)
  invalid = invalid + 1
  if #examples < 3 then examples[#examples + 1] = string.sub(entry, 1, 200) end
end

local repair = {}

-- If there is a backlog, every entry that is due belongs to it
-- (lib/backlog.lua).
local hasBacklog = redis.pcall('EXISTS', backlogKey(due)) == 1
local function noteBacklog(member, key, at)
  if not hasBacklog or at > now then return end
  local tenant = tenantOf(key, 7)
  if redis.pcall('ZSCORE', readyKey(due, tenant), member) and redis.pcall('ZSCORE', tenantsKey(due), tenant) then return end
  noteEarlier(due, member)
end

-- If the key of a trigger is missing before its grace ends, the trigger was
-- deleted.
function repair.due(key, score)
  local at = tonumber(score)
  if not isTriggerKey(key, 7) then
    countInvalid('due ' .. key)
    setTriggerAside(due, status, payloads, dead, key, now, 'this is not the key of a trigger of this schedule')
  elseif not isTime(at) then
    countInvalid('due ' .. key)
    repairDue(due, status, payloads, dead, key, score, now)
  elseif now < at + grace and redis.call('EXISTS', key) == 0 then
    dropTrigger(due, payloads, key)
    cancelled = cancelled + 1
  else
    noteBacklog('t' .. key, key, at)
  end
end

-- No lease and no backoff is longer than a time.Duration. If the clock was set
-- back, entries that were written before are due later by that step.
function repair.active(member, score)
  local at = tonumber(score)
  if not at or at > now + 9223372036855 then
    countInvalid('active ' .. member)
    redis.call('ZADD', active, int(now), member)
  elseif setBackBy > 0 and at - now > ahead then
    local _, _, _, state = parseStatus(redis.call('HGET', status, member))
    redis.call('ZADD', active, int(math.max(at - setBackBy, state == '0' and now + lease or now)), member)
    repaired = repaired + 1
  else
    noteBacklog('f' .. member, keyOfFiring(member), at)
  end
end

-- A firing that is active has the turn, unless another has it.
local function giveTurn(member)
  local at, key = splitName(member)
  local turn = redis.call('HGET', status, turnField(key))
  if turn == at or turn and holderOf(active, status, key, turn) then return false end
  redis.call('HSET', status, turnField(key), at)
  return true
end

-- Every status belongs to an entry of active or of dead, as its state says.
function repair.status(member, text)
  if string.find(member, '^[=+]|.') then return end
  if repaired + invalid > 0 then -- the repair of another entry may have changed this one
    text = redis.call('HGET', status, member)
    if not text then return end
  end
  local state = string.match(text, '^%d+ %d+ %d+ ([012])%+? ')
  local isActive, isDead = redis.call('ZSCORE', active, member), redis.call('ZSCORE', dead, member)
  if not state or not splitName(member) then
    if isActive or isDead then return end -- claim and Dead handle it
    countInvalid('status ' .. member)
    setFiringAside(due, active, status, dead, member, formatStatus(0, 0, 0, '2', 'its status was invalid: ' .. string.sub(text, 1, 100)), '+', now)
  elseif state == '2' then
    if isDead then return end
    redis.call('ZADD', dead, int(now), member)
    redis.call('ZREM', active, member)
    endTurn(due, active, status, dead, member, '+', now)
    repaired = repaired + 1
  else
    if not isActive then redis.call('ZADD', active, int(state == '0' and now + lease or now), member) end
    if isDead then redis.call('ZREM', dead, member) end
    if giveTurn(member) or isDead or not isActive then repaired = repaired + 1 end
  end
end

-- A turn belongs to a firing that is active. That firing knows if others wait.
-- The firings have their turns already, since a sweep goes through them first.
function repair.turns(field)
  local kind, key = string.match(field, '^([=+])|(.+)$')
  if not kind then return end
  local at = redis.call('HGET', status, turnField(key))
  local holder, text
  if at then holder, text = holderOf(active, status, key, at) end
  if not holder then
    redis.call('HDEL', status, turnField(key))
    startNext(due, active, status, dead, key, now)
    repaired = repaired + 1
  elseif kind == '+' and noteWaiter(status, holder, text) then
    repaired = repaired + 1
  end
end

-- Every payload belongs to an entry of due, to a trigger that is about to have
-- one, or to a firing.
function repair.payloads(field)
  local key = string.match(field, '^%-|(.+)$')
  if key then
    if redis.call('ZSCORE', due, key) then return end
    if isTriggerKey(key, 7) and redis.call('EXISTS', key) == 1 then return end
    setTriggerAside(due, status, payloads, dead, key, now, 'the trigger of this payload was lost')
  else
    if redis.call('HEXISTS', status, field) == 1 or redis.call('ZSCORE', active, field) then return end
    setFiringAside(due, active, status, dead, field, formatStatus(0, 0, 0, '2', 'the firing of this payload was lost'), '+', now)
  end
  countInvalid('payloads ' .. field)
end

-- Every dead letter has a status. Dead shows no dead letter without one.
function repair.dead(member)
  if redis.call('HSETNX', status, member, formatStatus(0, 0, 0, '2', 'its status was lost')) == 1 then
    countInvalid('dead ' .. member)
  end
end

local kind = ARGV[1]
local command = (kind == 'status' or kind == 'turns' or kind == 'payloads') and 'HSCAN' or 'ZSCAN'
local keys = {due = due, active = active, status = status, turns = status, payloads = payloads, dead = dead}
local page = redis.call(command, keys[kind], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do repair[kind](page[2][i], page[2][i + 1]) end
return {page[1], cancelled, repaired, invalid, examples}
