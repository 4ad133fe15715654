// Package expiry runs work that falls due.
package expiry
