module github.com/symphony-go/symphony/bench

go 1.26

require (
	github.com/redis/rueidis v1.0.79
	github.com/symphony-go/symphony v0.0.0
)

require (
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/symphony-go/symphony => ..
