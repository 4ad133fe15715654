-- The second part of extend.lua, with the same KEYS, ARGV and result. It
-- schedules the queue for a lease that ends earlier than before.
reschedule(KEYS[5], ARGV[6], ARGV[5], KEYS[4], tail)
return 1
