// Package cache compares cached reads with those of other libraries, in turns
// within one run. In the folder of the module:
//
//	go test -run='^$' -bench=. ./cache
package cache
