// Package architecture holds the code to its plan: which package may import
// which, and why not more; what only tests may use; and that no test sleeps.
// It consists of tests, which read the source of the whole repository.
//
// A new package needs a line in the table of imports_test.go. Choose the
// shortest list of imports it can do with, and give the reason why it may have
// no others: whoever breaks the rule is shown that reason.
package architecture
