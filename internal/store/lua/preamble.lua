-- Preamble of every write script. It checks the type of the record and the
-- condition of the write, and defines renew(). The body that follows it is the
-- script of one method.
--
-- KEYS[1]  the record
-- ARGV[1]  the condition: '', 'exists' or 'absent'
-- ARGV[2]  the lifetime in milliseconds; '0' if records do not expire
-- ARGV[3]  '1' if an existing key keeps its lifetime, otherwise ''
-- ARGV[4]  the Redis type of the record; '' if the first command of the body
--          checks the type and the body sets existed if it uses it
-- The arguments of the body start at ARGV[5].
--
-- Result: that of the body. If the body does not run: the error WRONGTYPE, or
-- the status NOTFOUND or EXISTS if the condition does not hold.
local existed
if ARGV[4] ~= '' then
  local recordType = redis.call('TYPE', KEYS[1])['ok']
  if recordType ~= 'none' and recordType ~= ARGV[4] then
    return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value')
  end
  existed = recordType ~= 'none'
  if ARGV[1] == 'exists' and not existed then return redis.status_reply('NOTFOUND') end
  if ARGV[1] == 'absent' and existed then return redis.status_reply('EXISTS') end
end

-- renew sets the lifetime of the record. An existing key may keep its lifetime.
local function renew()
  if existed and ARGV[3] == '1' then return end
  if ARGV[2] == '0' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end

