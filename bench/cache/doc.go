// Package cache measures cached reads beside those of others, in turns within
// one run. In the folder of the module:
//
//	go test -run='^$' -bench=. ./cache
package cache
