-- Takes a trigger back that has not fired.
--
-- KEYS[1]  the trigger
-- KEYS[2]  due
-- KEYS[3]  pay
--
-- Result: 1 if there was one, else 0; or the error WRONGTYPE.
local bad = wrong(KEYS[2], 'ZCARD') or wrong(KEYS[3], 'HLEN')
if bad then return bad end
local now = math.floor(clock() / 1000)
local v, other = held(KEYS[1])
if other then return wrongtype() end
local due = tonumber(redis.call('ZSCORE', KEYS[2], KEYS[1]))
local overdue = not v and usable(due) and now >= due + grace
if v then redis.call('DEL', KEYS[1]) end
drop(KEYS[2], KEYS[3], KEYS[1])
return (v or overdue) and 1 or 0
