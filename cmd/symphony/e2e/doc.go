// Package e2e opens the pages of the inspector in a real browser. It is a
// module of its own, so that the program does not depend on the driver of the
// browser.
package e2e
