"""Measurements as ratios against what a user would pick instead."""
