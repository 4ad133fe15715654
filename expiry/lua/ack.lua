-- ack: ends firings that succeeded, if the caller's claim is valid.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  payloads
-- KEYS[4]  due
-- KEYS[5]  dead
-- ARGV     pairs of member and attempt
--
-- Result: the positions, from 1, of the pairs whose claim was lost.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN') or wrongType(KEYS[3], 'HLEN')
if err then return err end
local fields, keys = {}, {}
for i = 1, #ARGV, 2 do
  local _, key = splitName(ARGV[i])
  keys[i] = key
  fields[i], fields[i + 1] = ARGV[i], turnField(key)
end
local values = redis.call('HMGET', KEYS[2], unpack(fields))
local lost, done, ended, awaitedKeys = {}, {}, {}, {}
for i = 1, #ARGV, 2 do
  local awaited = isClaimedBy(values[i], ARGV[i + 1])
  if not awaited then
    lost[#lost + 1] = (i + 1) / 2
  else
    done[#done + 1], ended[#ended + 1] = ARGV[i], ARGV[i]
    if keys[i] and values[i + 1] and values[i + 1] .. '|' .. keys[i] == ARGV[i] then
      ended[#ended + 1] = fields[i + 1]
      if awaited == '+' then awaitedKeys[#awaitedKeys + 1] = keys[i] end
    end
  end
end
if #done > 0 then
  redis.call('ZREM', KEYS[1], unpack(done))
  redis.call('HDEL', KEYS[2], unpack(ended))
  redis.call('HDEL', KEYS[3], unpack(done))
end
for _, key in ipairs(awaitedKeys) do
  startNext(KEYS[4], KEYS[1], KEYS[2], KEYS[5], key, math.floor(clock() / 1000))
end
return lost
