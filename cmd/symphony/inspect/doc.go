// Package inspect reads the data of Symphony repositories in Redis, for
// the program symphony. It finds keys with SCAN and lists, and never with KEYS.
// All functions read pages of bounded size.
package inspect
