-- ackRecurring: ends firings of recurring triggers that succeeded, if the
-- caller's claim is valid, and sets the triggers again.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  payloads
-- KEYS[4]  due
-- KEYS[5]  dead
-- ARGV     of each firing: member, attempt, rule with its length, and when the
--          trigger is due next
--
-- Result: the positions, from 1, of the firings whose claim was lost.
local active, status, payloads, due, dead = unpack(KEYS)
local err = wrongType(active, 'ZCARD') or wrongType(status, 'HLEN') or wrongType(payloads, 'HLEN') or wrongType(due, 'ZCARD')
if err then return err end
local now = math.floor(clock() / 1000)
local lost = {}
for i = 1, #ARGV, 4 do
  local member = ARGV[i]
  local awaited = isClaimedBy(redis.call('HGET', status, member), ARGV[i + 1])
  if not awaited then
    lost[#lost + 1] = (i + 3) / 4
  else
    redis.call('ZREM', active, member)
    redis.call('HDEL', status, member)
    setAgain(due, payloads, member, ARGV[i + 2], tonumber(ARGV[i + 3]), now)
    redis.call('HDEL', payloads, member)
    endTurn(due, active, status, dead, member, awaited, now)
  end
end
return lost
