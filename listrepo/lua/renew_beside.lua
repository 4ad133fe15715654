-- Goes on with what keeps the claims of a queue from ending before the queue.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- ARGV[5]  the number to go on from, below 0 for all claims; see outlive
-- Result: the same for the next call, 0 after the last.
return outlive(KEYS[1], string.sub(KEYS[2], #'%due' + 1), tonumber(ARGV[5]))
