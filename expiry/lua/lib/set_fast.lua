-- Handles the usual case of set.lua, a plain Set or SetPayload, with as few
-- commands as possible. It precedes all other code of the script, so that the
-- usual case does not pay for that. KEYS and ARGV are those of set.lua.
--
-- It leaves to set.lua: `answer` if listeners must be woken; `old` if the
-- server refused the write, or if the key held the value of this very call;
-- neither if nothing was done yet.
local now = math.ceil(clock() / 1000)
local trigger, due, payloads, stamp, delay = KEYS[1], KEYS[2], KEYS[3], ARGV[3], tonumber(ARGV[2])
local answer, old
if (ARGV[1] == '' or ARGV[1] == 'p') and type(redis.pcall('ZCARD', due)) == 'number' and type(redis.pcall('HLEN', payloads)) == 'number' then
  local at, exp = int(now + delay), int(now + delay + 3600000)
  old = redis.pcall('SET', trigger, stamp .. ';due=' .. at .. ';exp=' .. exp, 'PXAT', exp, 'GET')
  if type(old) ~= 'table' and not (old and string.sub(old, 1, #stamp) == stamp) then
    local added = redis.call('ZADD', due, at, trigger)
    if ARGV[1] == 'p' then
      redis.call('HSET', payloads, '-|' .. trigger, ARGV[5])
    elseif added == 0 then
      redis.call('HDEL', payloads, '-|' .. trigger)
    end
    if delay > 2000 then return at end
    answer = at
  end
end
