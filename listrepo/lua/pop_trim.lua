-- Pop and Trim of a queue with a lifetime: takes items off the queue, and
-- renews the queue and the keys beside it.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- ARGV[5 ..]  the command without its key: LPOP and a count, or LTRIM, start
--             and stop
-- Result: {from, reply}: the claim from which renew_beside.lua continues, 0 if
-- nothing is left to renew; and the command's reply.
local reply = redis.call(ARGV[5], KEYS[1], unpack(ARGV, 6))
local from = renewQueue(KEYS[1])
return {renewBeside(KEYS[1], string.sub(KEYS[2], #'%due' + 1), from), reply}
