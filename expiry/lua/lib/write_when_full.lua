-- Lets a script write while the server's memory is full. Redis refuses the
-- first write of a script if that command may use memory, but it refuses no
-- later write. This command is allowed, and changes nothing whatever KEYS[1]
-- holds.
redis.pcall('ZREM', KEYS[1], '')
