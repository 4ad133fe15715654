// Package inspect reads what the repositories of Symphony hold in Redis, for
// the program symphony. It finds keys with SCAN and lists, and never with KEYS.
// All functions read pages of bounded size.
package inspect
