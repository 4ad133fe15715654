-- Orders work by tenant while more is due than a claim takes. It needs
-- number.lua, tenant.lua and the variables of claim_fast.lua.
--
-- The truth is in due and active. The keys here are an index of what is due in
-- them, by tenant, and exist only while there is a backlog:
--   - ready of a tenant: `t<key>` for a trigger and `f<member>` for a firing. The
--     scores of triggers are those in due. Firings come before all triggers.
--   - tenants: those that have such a set. The first one is the next to be
--     served. A tenant that was served goes behind all others.
--   - backlog: up to where due and active were read. What is written before that
--     later is also in earlier (wake.lua), and a sweep finds what is in neither.
-- Members of ready that are not due any more are skipped.
local earlier = KEYS[9]
local wrongTypes = {}
local mostRead = 1000 -- each takes about 2 µs
local turn = 0

local function nextTurn()
  turn = turn + 1
  return int(turn)
end

-- Adds an entry of due or active to the group of its tenant.
local function group(groups, order, letter, name, score)
  local tenant = tenantOf(letter == 't' and name or keyOfFiring(name), 7)
  local all = groups[tenant]
  if not all then
    all = {}
    groups[tenant], order[#order + 1] = all, tenant
  end
  local n = #all
  all[n + 1] = letter == 't' and score or int(tonumber(score) - 9007199254740992)
  all[n + 2] = letter .. name
end

-- Adds members to the backlogs of their tenants. `groups` has scores and
-- members by tenant, and `order` the tenants.
local function addReady(groups, order)
  for _, tenant in ipairs(order) do
    local key = readyKey(due, tenant)
    local added = redis.pcall('ZADD', key, 'NX', unpack(groups[tenant]))
    if type(added) == 'table' then
      if not wrongType(key, 'ZCARD') then return redis.call('ZADD', key, 'NX', unpack(groups[tenant])) end
      wrongTypes[#wrongTypes + 1] = key
    elseif redis.call('ZADD', tenants, 'NX', int(turn + 1), tenant) == 1 then
      nextTurn()
    end
  end
end

-- Reads up to mostRead entries of due or active that are due, from an entry on.
-- If `last` is '', that is the first one with the score, else the one behind
-- `last`. It returns where to go on, and whether it read all.
local function readSet(set, letter, score, last, groups, order)
  local entries
  if last == '' then
    entries = redis.call('ZRANGEBYSCORE', set, score, int(now), 'WITHSCORES', 'LIMIT', 0, mostRead)
  else
    local behind = last .. '\0' -- no entry has this name; it shows where the others begin
    redis.call('ZADD', set, score, behind)
    local rank = redis.call('ZRANK', set, behind)
    redis.call('ZREM', set, behind)
    entries = redis.call('ZRANGE', set, rank, rank + mostRead - 1, 'WITHSCORES')
  end
  for i = 1, #entries, 2 do
    if tonumber(entries[i + 1]) > now then return int(now), '', true end
    group(groups, order, letter, entries[i], entries[i + 1])
  end
  if #entries < 2 * mostRead then return int(now), '', true end
  return entries[#entries], entries[#entries - 1], false
end

-- Reads what was written to a time that was read already. It returns false if
-- there is more to read.
local function readEarlier()
  local members = redis.call('ZRANGE', earlier, 0, mostRead - 1)
  if #members == 0 then return true end
  local groups, order = {}, {}
  for _, member in ipairs(members) do
    local letter, name = string.sub(member, 1, 1), string.sub(member, 2)
    local at = redis.call('ZSCORE', letter == 't' and due or active, name)
    if at and tonumber(at) <= now then group(groups, order, letter, name, at) end
  end
  addReady(groups, order)
  redis.call('ZREM', earlier, unpack(members))
  if #members < mostRead then redis.call('HDEL', backlog, 'earlier') end
  return #members < mostRead
end

-- Reads what is due and not in the backlog yet. It returns false if there is
-- more to read. If `isUsual`, no firing is to be delivered again.
local function readBacklog(hasDue, isUsual)
  redis.pcall('ZREM', due, '') -- see write_when_full.lua
  local from = redis.call('HMGET', backlog, 'turn', 'due', 'due-last', 'active', 'active-last', 'earlier')
  turn = tonumber(from[1]) or 0
  local groups, order = {}, {}
  local isComplete = not from[6] or readEarlier()
  local mark, last, readActive = from[4] or '-inf', from[5] or '', true
  if not isUsual then mark, last, readActive = readSet(active, 'f', mark, last, groups, order) end
  local dueMark, dueLast, readDue = from[2] or '-inf', from[3] or '', true
  if hasDue then dueMark, dueLast, readDue = readSet(due, 't', dueMark, dueLast, groups, order) end
  addReady(groups, order)
  -- The turns of this claim are reserved.
  redis.call('HSET', backlog, 'turn', int(turn + limit), 'due', dueMark, 'due-last', dueLast, 'active', mark, 'active-last', last)
  return isComplete and readActive and readDue
end
