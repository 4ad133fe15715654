-- Handles the usual case of set.lua, a plain Set or SetPayload, with as few
-- commands as possible. It precedes all other code of the script, so that the
-- usual case does not pay for that. It defines no functions, since each call
-- would make them anew. KEYS and ARGV are those of set.lua. It needs clock.lua.
--
-- It leaves to set.lua: `answer` if listeners must be woken; `refused`, the
-- server's refusal of a write; neither if nothing was done, as when the key
-- holds the value of this very call.
local trigger, due, payloads, stamp, delay = KEYS[1], KEYS[2], KEYS[3], ARGV[2], tonumber(ARGV[1])
local now = math.ceil(clock() / 1000)
local answer, refused
local held = (not ARGV[3] or ARGV[3] == 'p') and redis.pcall('HLEN', payloads)
if type(held) == 'number' then
  local at, exp = string.format('%d', now + delay), string.format('%d', now + delay + 3600000)
  local value = stamp .. ';due=' .. at .. ';exp=' .. exp
  local old, added = redis.pcall('SET', trigger, value, 'PXAT', exp, 'NX', 'GET')
  if not old then
    added = redis.pcall('ZADD', due, at, trigger)
    if type(added) == 'table' then
      redis.call('DEL', trigger)
      refused = added
    end
  elseif type(old) == 'table' then
    refused = old
  elseif string.sub(old, 1, #stamp) ~= stamp and type(redis.pcall('ZCARD', due)) == 'number' then
    redis.call('SET', trigger, value, 'PXAT', exp)
    added = redis.call('ZADD', due, at, trigger)
  end
  if added and not refused then
    if ARGV[3] then
      redis.call('HSET', payloads, '-|' .. trigger, ARGV[5])
    elseif added == 0 and held > 0 then
      redis.call('HDEL', payloads, '-|' .. trigger)
    end
    if delay > 18000 or delay > 2000 and not string.find(due, '%exp{', 1, true) then return at end -- see wake.lua
    answer = at
  end
end
