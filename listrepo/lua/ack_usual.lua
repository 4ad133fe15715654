-- The first part of ack.lua, with the same KEYS, ARGV and result. It handles the
-- ack of a whole claim of a queue that is in a schedule and has no order. It
-- stands in front of all functions, since a call makes every function anew that
-- it passes. If acked is true, only the schedule is left to ack.lua.
local acked = #ARGV == 3 and KEYS[5]
if acked then
  if redis.call('LLEN', KEYS[1]) == 0 then return 0 end
  redis.call('UNLINK', KEYS[1], KEYS[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
  local tail, service = string.sub(KEYS[3], #'%due' + 1), string.sub(KEYS[5], #'%tenants' + 1)
  local queues, again, order = '%queues' .. service .. ':' .. ARGV[3], '%again' .. tail, '%order' .. tail
  -- EXISTS counts a key as often as it is named.
  local existing = redis.call('EXISTS', KEYS[4], KEYS[4], order)
  if existing == 2 then -- the queue is ready, which the schedule usually says already
    local clock = redis.call('TIME')
    local micros = string.sub('00000' .. clock[2], -6)
    local at = clock[1] .. string.sub(micros, 1, 3) .. '.' .. string.sub(micros, 4)
    if redis.pcall('ZADD', queues, 'LT', 'CH', at, ARGV[2]) == 0 then return 1 end
  elseif existing == 0 and redis.call('EXISTS', again, '%delayed' .. tail) == 0 then
    local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
    local ends = tonumber(first[2]) or 0
    if ends > 0 and ends < 2 ^ 53 then -- the queue is ready when the first of the other leases ends
      if type(redis.pcall('ZADD', queues, first[2], ARGV[2])) == 'number' and redis.pcall('ZADD', KEYS[5], 'LT', 'CH', first[2], ARGV[3]) == 0 then
        return 1
      end
    elseif not first[1] then -- the queue has no items
      local removed, drained = redis.pcall('ZREM', queues, ARGV[2]), 0
      if removed == 1 and redis.call('EXISTS', queues) == 0 then
        local clock = redis.call('TIME')
        drained = redis.pcall('ZREM', KEYS[5], ARGV[3])
        if type(drained) == 'number' then
          drained = redis.pcall('ZADD', '%drained' .. service, clock[1] .. string.sub('00000' .. clock[2], -6, -4), ARGV[3])
        end
      end
      if type(removed) == 'number' and type(drained) == 'number' then
        redis.call('UNLINK', '%back' .. tail, '%age' .. tail, '%origins' .. tail)
        return 1
      end
    end
  end
end
