-- Compares one page of the keys beside the triggers with the others, and puts
-- right what does not agree: a part of a sweep.
--
-- KEYS[1]  due
-- KEYS[2]  run
-- KEYS[3]  att
-- KEYS[4]  pay
-- KEYS[5]  dead
-- ARGV[1]  which key: due, run, att, pay or dead
-- ARGV[2]  cursor, 0 at first
-- ARGV[3]  how many entries at a time
-- ARGV[4]  lease in milliseconds
-- ARGV[5]  by how many milliseconds the clock was set back since run was looked
--          at last, else 0
-- ARGV[6]  how far ahead, in milliseconds, an entry of run was not written since
-- ARGV     from 7: the pieces of a trigger's key
--
-- Result: the next cursor, 0 for the end; how many were cancelled, how many
-- repaired, how many were strange; some of the strange.
local due, run, att, pay, dead = unpack(KEYS)
local bad = wrong(due, 'ZCARD') or wrong(run, 'ZCARD') or wrong(att, 'HLEN') or wrong(pay, 'HLEN') or wrong(dead, 'ZCARD')
if bad then return bad end
local now = math.floor(clock() / 1000)
local lease, step, ahead = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local cancelled, repaired, strange, examples = 0, 0, 0, {}

local function odd(what)
  strange = strange + 1
  if #examples < 3 then examples[#examples + 1] = string.sub(what, 1, 200) end
end

local mend = {}

-- A trigger whose key is gone was taken back, until the end of its grace.
function mend.due(key, score)
  local at = tonumber(score)
  if not ours(key, 7) then
    odd('due ' .. key)
    asidePending(due, att, pay, dead, key, now, 'it is no trigger of this schedule')
  elseif not usable(at) then
    odd('due ' .. key)
    straighten(due, att, pay, dead, key, score, now)
  elseif now < at + grace and redis.call('EXISTS', key) == 0 then
    drop(due, pay, key)
    cancelled = cancelled + 1
  end
end

-- No lease and no backoff is longer than a time.Duration; and what was written
-- before the clock was set back ends later by that.
function mend.run(member, score)
  local at = tonumber(score)
  if not at or at > now + 9223372036855 then
    odd('run ' .. member)
    redis.call('ZADD', run, int(now), member)
  elseif step > 0 and at - now > ahead then
    local rec = redis.call('HGET', att, member)
    local _, _, _, state = attempts(rec)
    redis.call('ZADD', run, int(math.max(at - step, state == '0' and now + lease or now)), member)
    repaired = repaired + 1
  end
end

-- A record is that of an entry of run, or of dead.
function mend.att(member, rec)
  local state = string.match(rec, '^%d+ %d+ %d+ ([012]) ')
  local running, letter = redis.call('ZSCORE', run, member), redis.call('ZSCORE', dead, member)
  if not state or not named(member) then
    if running or letter then return end -- claim and Dead read it
    odd('att ' .. member)
    asideFiring(run, att, dead, member, record(0, 0, 0, '2', 'its record was ' .. string.sub(rec, 1, 100)), now)
  elseif state == '2' then
    if letter then return end
    redis.call('ZADD', dead, int(now), member)
    redis.call('ZREM', run, member)
    repaired = repaired + 1
  elseif not running then
    redis.call('ZADD', run, int(state == '0' and now + lease or now), member)
    redis.call('ZREM', dead, member)
    repaired = repaired + 1
  elseif letter then
    redis.call('ZREM', dead, member)
    repaired = repaired + 1
  end
end

-- A payload is that of a due entry, of a trigger that will have one, or of a
-- firing with a record.
function mend.pay(field)
  local key = string.match(field, '^%-|(.+)$')
  if key then
    if redis.call('ZSCORE', due, key) then return end
    if ours(key, 7) and redis.call('EXISTS', key) == 1 then return end
    asidePending(due, att, pay, dead, key, now, 'the trigger of this payload was lost')
  else
    if redis.call('HEXISTS', att, field) == 1 or redis.call('ZSCORE', run, field) then return end
    asideFiring(run, att, dead, field, record(0, 0, 0, '2', 'the record of this payload was lost'), now)
  end
  odd('pay ' .. field)
end

-- A dead letter has a record, so that Dead shows it.
function mend.dead(member)
  if redis.call('HSETNX', att, member, record(0, 0, 0, '2', 'its record was lost')) == 1 then
    odd('dead ' .. member)
  end
end

local command = (ARGV[1] == 'att' or ARGV[1] == 'pay') and 'HSCAN' or 'ZSCAN'
local keys = {due = due, run = run, att = att, pay = pay, dead = dead}
local page = redis.call(command, keys[ARGV[1]], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do mend[ARGV[1]](page[2][i], page[2][i + 1]) end
return {page[1], cancelled, repaired, strange, examples}
