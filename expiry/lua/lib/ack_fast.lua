-- Does what ack.lua says if nothing waits for the firings. It precedes the code
-- that starts the next ones, so that the usual case does not pay for that. KEYS
-- and ARGV are those of ack.lua. It needs check.lua and status.lua.
--
-- It leaves to ack.lua: `lost`; and `ended`, the keys of the triggers for whose
-- turns others wait.
local active, status, payloads = KEYS[1], KEYS[2], KEYS[3]
local err = wrongType(active, 'ZCARD') or wrongType(status, 'HLEN') or wrongType(payloads, 'HLEN')
if err then return err end
local fields, dueTimes, keys = {}, {}, {}
for i = 1, #ARGV, 2 do
  dueTimes[i], keys[i] = splitName(ARGV[i])
  fields[i], fields[i + 1] = ARGV[i], turnField(keys[i])
end
local values = redis.call('HMGET', status, unpack(fields))
local lost, done, gone, ended = {}, {}, {}, {}
for i = 1, #ARGV, 2 do
  local awaited = isClaimedBy(values[i], ARGV[i + 1])
  if not awaited then
    lost[#lost + 1] = (i + 1) / 2
  else
    done[#done + 1], gone[#gone + 1] = ARGV[i], ARGV[i]
    if keys[i] and values[i + 1] == dueTimes[i] then
      gone[#gone + 1] = fields[i + 1]
      if awaited == '+' then ended[#ended + 1] = keys[i] end
    end
  end
end
if #done > 0 then
  redis.call('ZREM', active, unpack(done))
  redis.call('HDEL', status, unpack(gone))
  redis.call('HDEL', payloads, unpack(done))
end
if #ended == 0 then return lost end
