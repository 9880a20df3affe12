"""The model beside what was measured, section by section."""
