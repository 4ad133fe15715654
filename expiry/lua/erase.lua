-- TenantVisit: removes triggers and everything that the schedule has of them:
-- their keys, firings, dead letters, payloads, turns and backlog. A worker that
-- runs one of the firings loses its claim.
--
-- KEYS[1]  due
-- KEYS[2]  active
-- KEYS[3]  status
-- KEYS[4]  payloads
-- KEYS[5]  dead
-- KEYS[6]  fired
-- KEYS[7]  tenants
-- KEYS[8]  earlier
-- KEYS[9]  ready of the tenant
-- KEYS     from 10: keys of triggers
-- ARGV[1]  the tenant as keys contain it
-- ARGV     from 2: the firings of these triggers
--
-- Result: the numbers of removed triggers, of those that were due, and of
-- removed firings that were claimed, waiting and dead. A key of the schedule
-- that holds another type is left as it is.
local due, active, status, payloads, dead, fired, tenants, earlier, ready = unpack(KEYS)
local now, triggers, overdue, firings = math.floor(clock() / 1000), 0, 0, {0, 0, 0}
for i = 10, #KEYS do
  local key = KEYS[i]
  local score = redis.pcall('ZSCORE', due, key)
  score = type(score) ~= 'table' and tonumber(score)
  if score and score <= now then overdue = overdue + 1 end
  if redis.call('UNLINK', key) == 1 or score then triggers = triggers + 1 end
  redis.pcall('ZREM', due, key)
  redis.pcall('ZREM', fired, key)
  redis.pcall('ZREM', ready, 't' .. key)
  redis.pcall('ZREM', earlier, 't' .. key)
  redis.pcall('HDEL', status, turnField(key), waitersField(key))
  redis.pcall('HDEL', payloads, '-|' .. key)
end
for i = 2, #ARGV do
  local member = ARGV[i]
  local text = redis.pcall('HGET', status, member)
  local state = type(text) == 'string' and string.match(text, '^%d+ %d+ %d+ ([012])')
  if state then firings[state + 1] = firings[state + 1] + 1 end
  redis.pcall('ZREM', active, member)
  redis.pcall('ZREM', dead, member)
  redis.pcall('ZREM', ready, 'f' .. member)
  redis.pcall('ZREM', earlier, 'f' .. member)
  redis.pcall('HDEL', status, member)
  redis.pcall('HDEL', payloads, member)
end
if redis.call('EXISTS', ready) == 0 then redis.pcall('ZREM', tenants, ARGV[1]) end
return {triggers, overdue, unpack(firings)}
