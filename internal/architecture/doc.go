// Package architecture contains tests that read the source of the whole
// repository. They check which packages a package imports, which packages only
// tests import, and that no test sleeps.
//
// A new package needs a rule in imports_test.go. Choose the shortest list of
// imports that is sufficient. Give the reason why other imports are not
// allowed: the test prints it if an import breaks the rule.
package architecture
