-- Continues the renewal of the keys beside a queue. Each write of a queue
-- starts one; it takes further calls if there are more claims than a page.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- ARGV[5]  the claim to continue from; see renewBeside in shared.lua
-- Result: the claim to continue from in the next call, 0 after the last one.
return renewBeside(KEYS[1], string.sub(KEYS[2], #'%due' + 1), tonumber(ARGV[5]))
