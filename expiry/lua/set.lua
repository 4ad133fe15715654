-- The usual case of schedule.lua, a plain Set, in as few commands as it takes. It
-- stands before what the other cases need, so that it does not pay for it, and
-- leaves to schedule.lua: an `answer` of which listeners are to be told, and an
-- `old` that is the server's refusal, or the value of this very call.
local now = math.ceil(clock() / 1000)
local trigger, due, pay, stamp, delay = KEYS[1], KEYS[2], KEYS[3], ARGV[3], tonumber(ARGV[2])
local answer, old
if (ARGV[1] == '' or ARGV[1] == 'p') and type(redis.pcall('ZCARD', due)) == 'number' and type(redis.pcall('HLEN', pay)) == 'number' then
  local at, exp = int(now + delay), int(now + delay + 3600000)
  old = redis.pcall('SET', trigger, stamp .. ';due=' .. at .. ';exp=' .. exp, 'PXAT', exp, 'GET')
  if type(old) ~= 'table' and not (old and string.sub(old, 1, #stamp) == stamp) then
    local added = redis.call('ZADD', due, at, trigger)
    if ARGV[1] == 'p' then
      redis.call('HSET', pay, '-|' .. trigger, ARGV[5])
    elseif added == 0 then
      redis.call('HDEL', pay, '-|' .. trigger)
    end
    if delay > 2000 then return at end
    answer = at
  end
end
