-- What every write script begins with: the record's type, the write's
-- condition and the lifetime rule.
--
-- KEYS[1]  the record
-- ARGV[1]  condition: '' none, 'exists', 'absent'
-- ARGV[2]  lifetime in milliseconds, '0' for none
-- ARGV[3]  '1': a key that exists keeps the lifetime it has
-- ARGV[4]  the Redis type the record must have; '' where nothing asks whether
--          it exists, and the body's first command refuses another type
-- The script's own arguments start at ARGV[5].
--
-- Result where the body does not run: the error WRONGTYPE, or the status
-- NOTFOUND or EXISTS when the condition does not hold.
local existed
if ARGV[4] ~= '' then
  local held = redis.call('TYPE', KEYS[1])['ok']
  if held ~= 'none' and held ~= ARGV[4] then
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
  end
  existed = held ~= 'none'
  if ARGV[1] == 'exists' and not existed then return redis.status_reply('NOTFOUND') end
  if ARGV[1] == 'absent' and existed then return redis.status_reply('EXISTS') end
end

local function renew()
  if existed and ARGV[3] == '1' then return end
  if ARGV[2] == '0' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end

