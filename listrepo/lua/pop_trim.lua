-- Takes items off a queue that has a lifetime, and renews it and what stands
-- beside it.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- ARGV[5 ..]  the command, without the key: LPOP and a count, or LTRIM and two
--             places
-- Result: {more, reply}: the number with which renew_beside.lua must go on, 0 for nowhere,
-- and what the command answered.
local reply = redis.call(ARGV[5], KEYS[1], unpack(ARGV, 6))
local from = renewed(KEYS[1])
return {outlive(KEYS[1], string.sub(KEYS[2], #'%due' + 1), from), reply}
