-- The first part of take.lua, with the same KEYS, ARGV and result. It handles
-- the look of a process that does not want to sweep while no queue is ready. It
-- stands in front of schedule.lua, since code that is not reached costs
-- nothing.
if ARGV[3] == '' then
  local first, clock = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES'), redis.call('TIME')
  local wait = first[1] and math.ceil((tonumber(first[2]) or 0) - clock[1] * 1000 - clock[2] / 1000) or -1
  if not first[1] or wait > 0 then return {wait, 0, '', 0, 0, {}, {}, {}} end
end
